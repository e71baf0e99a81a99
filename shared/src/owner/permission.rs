//! Permissions: what the holder of a product's API key may do (scopes).

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::value::text::choice;

choice!(
    /// One thing that the holder of a product's API key may do with that product.
    Permission {
        /// Ask whether a license works on a machine.
        LicenseAuthorize = "license:authorize",
        /// Look at licenses and their sessions.
        LicenseRead = "license:read",
        /// Make and change licenses: all that the five permissions below are for.
        LicenseWrite = "license:write",
        /// Delete licenses.
        LicenseDelete = "license:delete",
        /// Make licenses.
        LicenseCreate = "license:create",
        /// Revoke licenses, and take that back.
        LicenseRevoke = "license:revoke",
        /// Have licenses expire later.
        LicenseExtend = "license:extend",
        /// Freeze licenses, and take that back.
        LicenseFreeze = "license:freeze",
        /// Take the machines or addresses off licenses.
        LicenseReset = "license:reset",
        /// Look at the product.
        ProductRead = "product:read",
        /// Change the product.
        ProductWrite = "product:write",
        /// Look at variables.
        VariableRead = "variable:read",
        /// Change variables.
        VariableWrite = "variable:write",
        /// Look at versions, and ask for updates.
        VersionRead = "version:read",
        /// Change versions.
        VersionWrite = "version:write",
        /// Look at blacklists.
        BlacklistRead = "blacklist:read",
        /// Change blacklists.
        BlacklistWrite = "blacklist:write",
        /// List files.
        FileRead = "file:read",
        /// Change files.
        FileWrite = "file:write",
        /// Download files.
        FileDownload = "file:download",
        /// Look at webhook endpoints.
        WebhookRead = "webhook:read",
        /// Change webhook endpoints.
        WebhookWrite = "webhook:write",
        /// Look at what was counted.
        AnalyticsRead = "analytics:read",
        /// List the product's API keys.
        ApiKeyRead = "apikey:read",
    }
);

impl Permission {
    /// The permission that covers this one as well, if there is one.
    fn wider(self) -> Option<Self> {
        match self {
            Self::LicenseCreate
            | Self::LicenseRevoke
            | Self::LicenseExtend
            | Self::LicenseFreeze
            | Self::LicenseReset => Some(Self::LicenseWrite),
            Self::LicenseAuthorize
            | Self::LicenseRead
            | Self::LicenseWrite
            | Self::LicenseDelete
            | Self::ProductRead
            | Self::ProductWrite
            | Self::VariableRead
            | Self::VariableWrite
            | Self::VersionRead
            | Self::VersionWrite
            | Self::BlacklistRead
            | Self::BlacklistWrite
            | Self::FileRead
            | Self::FileWrite
            | Self::FileDownload
            | Self::WebhookRead
            | Self::WebhookWrite
            | Self::AnalyticsRead
            | Self::ApiKeyRead => None,
        }
    }
}

/// What the holder of a product's API key may do. It is stored as it was granted: all is not the same as each that there
/// is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everything, also what there will be.
    All,
    /// These, of which there is at least one.
    Only(BTreeSet<Permission>),
}

/// How [`Permissions::All`] is stored.
const ALL: &str = "all";

impl Permissions {
    /// What a request grants: everything when it lists nothing. `None` when the list is there and empty.
    pub fn granted(listed: Option<&[Permission]>) -> Option<Self> {
        match listed {
            None => Some(Self::All),
            Some([]) => None,
            Some(listed) => Some(Self::Only(listed.iter().copied().collect())),
        }
    }

    /// Whether what needs `permission` may be done.
    pub fn include(&self, permission: Permission) -> bool {
        match self {
            Self::All => true,
            Self::Only(granted) => {
                granted.contains(&permission) || permission.wider().is_some_and(|wider| granted.contains(&wider))
            }
        }
    }

    /// Them one by one, as an API shows them: each that there is now, where all were granted.
    pub fn listed(&self) -> Vec<Permission> {
        match self {
            Self::All => Permission::ALL.to_vec(),
            Self::Only(granted) => granted.iter().copied().collect(),
        }
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(ALL),
            Self::Only(granted) => granted.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Permissions {
    /// **Invariant**: what can't be read grants nothing. A list that is empty is refused, and so is a permission of a later
    /// version of the service.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            Word(String),
            List(Vec<Permission>),
        }
        match Stored::deserialize(deserializer)? {
            Stored::Word(word) if word == ALL => Ok(Self::All),
            Stored::Word(_) => Err(D::Error::custom("a word that grants nothing")),
            Stored::List(listed) => {
                Self::granted(Some(&listed)).ok_or_else(|| D::Error::custom("an empty list of permissions"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_written_as_the_contract_has_it() {
        for permission in Permission::ALL {
            let (noun, verb) = permission.as_str().split_once(':').expect("a noun and a verb");
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(plain(noun) && plain(verb), "{permission}");
            assert_eq!(Permission::parse(permission.as_str()), Some(*permission));
        }
        assert_eq!(Permission::ALL.len(), 24);
    }

    #[test]
    fn a_grant_includes_what_it_lists_and_what_that_covers() {
        use Permission::*;
        let covered = [LicenseCreate, LicenseRevoke, LicenseExtend, LicenseFreeze, LicenseReset];
        for (granted, included) in [
            (vec![LicenseRead], vec![LicenseRead]),
            (vec![LicenseWrite], [&covered[..], &[LicenseWrite]].concat()),
            (vec![LicenseCreate, FileDownload], vec![LicenseCreate, FileDownload]),
            (covered.to_vec(), covered.to_vec()),
        ] {
            let permissions = Permissions::granted(Some(&granted)).expect("a grant");
            for permission in Permission::ALL {
                let is_included = permissions.include(*permission);
                assert_eq!(is_included, included.contains(permission), "{granted:?}: {permission}");
            }
        }
        let all = Permissions::granted(None).expect("a grant");
        assert!(Permission::ALL.iter().all(|permission| all.include(*permission)));
        assert_eq!(
            Permissions::granted(Some(&[])),
            None,
            "an empty list grants nothing, and never all"
        );
    }

    #[test]
    fn a_grant_is_read_as_it_was_stored_and_nothing_else_grants_anything() {
        for permissions in [
            Permissions::All,
            Permissions::Only(BTreeSet::from([Permission::LicenseAuthorize, Permission::FileDownload])),
        ] {
            let stored = serde_json::to_value(&permissions).expect("JSON");
            assert_eq!(
                serde_json::from_value::<Permissions>(stored).expect("a grant"),
                permissions
            );
        }
        for stored in [
            r#""""#,
            r#""ALL""#,
            "[]",
            "null",
            "{}",
            r#"["license:everything"]"#,
            "1",
        ] {
            assert!(serde_json::from_str::<Permissions>(stored).is_err(), "{stored}");
        }
    }
}
