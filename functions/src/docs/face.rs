//! In which words the documentation refuses, which it does when it can't be unpacked.

use keystead_core::Error;

use crate::frame::face::{Face, Flagged, Refusal, usual};

/// What the service says of itself: replies as other standards define them.
pub struct Documentation;

impl Face for Documentation {
    const NAME: &'static str = "Documentation";

    fn refuse(error: &Error) -> Refusal {
        let (status, text) = usual(error);
        Refusal::new(status, text, |error| Flagged { error, success: false })
    }
}
