//! Pages of lists that are read whole: teams and the like, of which there are few.

use keystead_core::{
    owner::OwnerId,
    value::page::{PageNumber, PageSize},
};
use serde::Deserialize;

use crate::frame::subject::Names;

/// Of which organisation, and which page of its list.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganisationPage {
    org_id: OwnerId,
    page: Option<PageNumber>,
    page_size: Option<PageSize>,
}

impl OrganisationPage {
    /// The part of `items` that is asked for.
    pub(super) fn of<T>(self, items: Vec<T>) -> PageOf<T> {
        part(items, self.page, self.page_size)
    }
}

impl Names<OwnerId> for OrganisationPage {
    fn named(&self) -> &OwnerId {
        &self.org_id
    }
}

/// How much of a list a page is, as every list of `/v1` says.
pub(super) struct PageOf<T> {
    pub(super) items: Vec<T>,
    pub(super) total: usize,
    pub(super) page: u32,
    pub(super) page_size: u32,
    pub(super) total_pages: usize,
}

/// A part of `items`.
pub(super) fn part<T>(items: Vec<T>, page: Option<PageNumber>, size: Option<PageSize>) -> PageOf<T> {
    let (page, size) = (page.unwrap_or_default().number(), size.unwrap_or_default().number());
    let total = items.len();
    let wide = usize::try_from(size).unwrap_or(usize::MAX);
    let before = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(wide);
    PageOf {
        items: items.into_iter().skip(before).take(wide).collect(),
        total,
        page,
        page_size: size,
        total_pages: total.div_ceil(wide),
    }
}
