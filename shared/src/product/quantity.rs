//! What it means when a customer buys several.

use crate::value::text::choice;

choice!(
    /// What the quantity of a checkout's line means.
    QuantityMeans {
        /// The seats of the one license.
        Seats = "seats",
        /// That many licenses.
        Licenses = "licenses",
        /// Nothing.
        Ignored = "ignored",
    }
);

impl QuantityMeans {
    /// What it means when a product does not say.
    pub const USUAL: Self = Self::Seats;
}
