//! Pages of lists that are read whole: teams and the like, of which there are few.

use keystead_core::value::page::{PageNumber, PageSize};

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
