//! What a vendor changes of a license by hand.

use crate::{
    Timestamp,
    license::{
        seats::{LicenseType, SeatLimit},
        standing::LicenseStatus,
    },
    product::variant::VariantId,
};

/// What a vendor changes of a license by hand; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Another variant.
    pub variant: Option<VariantId>,
    /// Another way to count seats.
    pub license_type: Option<LicenseType>,
    /// Another number of machines.
    pub max_machines: Option<SeatLimit>,
    /// Another number of sessions, or none of its own.
    pub max_concurrent: Option<Option<SeatLimit>>,
    /// Another end, or none.
    pub expires_at: Option<Option<Timestamp>>,
    /// Another status.
    pub status: Option<LicenseStatus>,
}
