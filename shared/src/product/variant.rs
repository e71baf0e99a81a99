//! Variants: the editions in which a product is sold, and the defaults of their licenses.

use serde::{Deserialize, Serialize};

use crate::{
    ids::CreationId,
    license::seats::{LicenseType, SeatLimit},
    product::ProductId,
    value::{
        days::Days,
        name::Name,
        number::number_value,
        patch::Patch,
        text::{is_name, text_value},
    },
};

text_value!(
    /// A variant's id within its product, such as `indie`. Clients may write it with the prefix `<productId>-`; it is
    /// stored and compared without ([`VariantId::within`]).
    VariantId,
    "a string of 1 to 128 characters",
    |text| {
        let text = text.trim();
        is_name(text, 128).then(|| text.to_owned())
    }
);

impl VariantId {
    /// A new variant's id: its name in lower case, with hyphens for whatever is neither a letter nor a digit. `None`
    /// when nothing is left.
    pub fn of_name(name: &Name) -> Option<Self> {
        let words = name
            .as_str()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        let id = words.collect::<Vec<_>>().join("-").to_lowercase();
        Self::parse(&id)
    }

    /// Every product and variant that this id may stand for, written with its prefix: the longest product first.
    pub fn splits(&self) -> Vec<(ProductId, Self)> {
        let hyphens = self.0.rmatch_indices('-').map(|(place, _)| place);
        hyphens
            .filter_map(|place| Some((ProductId::parse(&self.0[..place])?, Self::parse(&self.0[place + 1..])?)))
            .take(MAX_SPLITS)
            .collect()
    }

    /// This id without the prefix `<productId>-`, if it has one.
    #[must_use]
    pub fn within(self, product: &ProductId) -> Self {
        let stripped = self
            .0
            .strip_prefix(product.as_str())
            .and_then(|rest| rest.strip_prefix('-'));
        match stripped {
            Some(id) if !id.is_empty() => Self(id.to_owned()),
            Some(_) | None => self,
        }
    }
}

/// The edition that a trial is, unless its code's owner says otherwise.
pub const TRIAL: &str = "trial";

/// In how many ways a prefixed id is read at most.
const MAX_SPLITS: usize = 8;

number_value!(
    /// A price to show. Keystead takes no money, and attaches no meaning to it.
    Price,
    "a number from 0 to 1000000000000",
    |number| number.abs() == 0.0 || (1e-6..=1e12).contains(&number),
    { "type": "number", "anyOf": [{ "const": 0 }, { "minimum": 1e-6, "maximum": 1e12 }] }
);

/// What a vendor changes of a variant; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariantChanges {
    /// Another name; the id stays.
    pub name: Option<Name>,
    /// Another way to count seats.
    pub license_type: Option<LicenseType>,
    /// Another number of machines.
    pub max_machines: Patch<SeatLimit>,
    /// Another number of sessions.
    pub max_concurrent: Patch<SeatLimit>,
    /// Another length of its trial.
    pub trial_days: Patch<Days>,
    /// Another time offline.
    pub offline_days: Patch<Days>,
    /// Another price.
    pub price: Patch<Price>,
    /// Whether it is sold.
    pub active: Option<bool>,
}

/// A variant, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// The product it is a variant of.
    pub product_id: ProductId,
    /// Its id within the product.
    pub variant_id: VariantId,
    /// Its name for people.
    pub name: Name,
    /// What its licenses allow, unless they say otherwise.
    pub license_type: LicenseType,
    /// How many machines its licenses allow, unless they say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_machines: Option<SeatLimit>,
    /// How many floating sessions its licenses allow at once, unless they say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<SeatLimit>,
    /// How long its trial lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_days: Option<Days>,
    /// How long its licenses should work offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_days: Option<Days>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Whether it is sold.
    #[serde(default = "sold")]
    pub active: bool,
    /// By which making.
    pub creation: CreationId,
}

fn sold() -> bool {
    true
}

impl Variant {
    /// Its id with the prefix `<productId>-`, as the flat API shows it.
    pub fn prefixed_id(&self) -> String {
        format!("{}-{}", self.product_id, self.variant_id)
    }

    /// The variant with `changes`.
    #[must_use]
    pub fn change(&self, changes: &VariantChanges) -> Self {
        let mut changed = Self {
            name: changes.name.clone().unwrap_or_else(|| self.name.clone()),
            license_type: changes.license_type.unwrap_or(self.license_type),
            active: changes.active.unwrap_or(self.active),
            ..self.clone()
        };
        changes.max_machines.apply(&mut changed.max_machines);
        changes.max_concurrent.apply(&mut changed.max_concurrent);
        changes.trial_days.apply(&mut changed.trial_days);
        changes.offline_days.apply(&mut changed.offline_days);
        changes.price.apply(&mut changed.price);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::{ProductId, VariantId};

    #[test]
    fn the_product_s_prefix_is_stripped_once_and_nothing_else_is() {
        let product = ProductId::parse("demo").expect("a product id");
        for (written, stored) in [
            ("demo-indie", "indie"),
            ("indie", "indie"),
            ("demo-", "demo-"),
            ("demo", "demo"),
            ("demo-demo-x", "demo-x"),
        ] {
            let id = VariantId::parse(written).expect("a variant id").within(&product);
            assert_eq!(id.as_str(), stored, "{written}");
        }
    }
}
