//! Organisations: owners that have a team, a name and a slug.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Timestamp,
    error::Noun,
    ids::{CreationId, Ids},
    owner::{
        OwnerId,
        member::{Member, Role},
    },
    value::text::{is_name, text_value},
};

text_value!(
    /// An organisation's name for people.
    OrganisationName,
    "a string of 1 to 100 characters",
    |text| {
        let text = text.trim();
        is_name(text, 100).then(|| text.to_owned())
    }
);

text_value!(
    /// An organisation's name in addresses, unique in the whole service.
    OrganisationSlug,
    "1 to 64 lower-case letters, digits and hyphens, the first and last of which is no hyphen",
    |text| {
        let text = text.trim();
        let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let sound = !text.is_empty() && text.len() <= OrganisationSlug::LONGEST && text.bytes().all(safe);
        (sound && !text.starts_with('-') && !text.ends_with('-')).then(|| text.to_owned())
    },
    r"^[\t-\r ]*[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?[\t-\r ]*$"
);

impl OrganisationSlug {
    const LONGEST: usize = 64;

    /// The slug that reads like a name, or like nothing where the name has no letters of the alphabet.
    pub fn of_name(name: &OrganisationName) -> Self {
        let mut slug = String::new();
        for c in name.as_str().chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(Self::LONGEST - Self::SUFFIX);
        let slug = slug.trim_end_matches('-');
        Self(if slug.is_empty() { "org" } else { slug }.to_owned())
    }

    /// How many characters [`OrganisationSlug::with_suffix`] adds.
    const SUFFIX: usize = 7;

    /// The slug with something random behind it, for a name that others have as well.
    ///
    /// # Errors
    /// [`Error::Internal`] when there are no random numbers.
    pub fn with_suffix(&self, ids: &Ids) -> Result<Self> {
        Ok(Self(format!(
            "{}-{}",
            self.0,
            hex::encode(ids.bytes::<8>()?).split_at(10).1
        )))
    }
}

impl OwnerId {
    /// The id of a new organisation.
    ///
    /// # Errors
    /// [`Error::Internal`] when there are no random numbers.
    pub fn new(ids: &Ids) -> Result<Self> {
        Self::parse(&ids.uuid_v4()?.to_string()).ok_or_else(|| Error::internal("an id is no id"))
    }
}

/// An organisation, as stored. An owner that the flat API made becomes one when its first member is added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Its id, under which everything that it owns is stored.
    pub owner_id: OwnerId,
    /// Its name for people.
    pub name: OrganisationName,
    /// Its name in addresses.
    pub slug: OrganisationSlug,
    /// How many members have the role OWNER.
    ///
    /// **Invariant**: it changes only in the transaction that changes a member's role, and does not become 0.
    pub owners: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// By which making.
    pub creation: CreationId,
    /// When it was changed.
    pub updated_at: Timestamp,
    /// When it was deleted, and with it everything that it owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// An organisation, and what somebody may do for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organisation.
    pub organisation: Organisation,
    /// As whom they are one of its team.
    pub member: Member,
}

impl Membership {
    /// That the member may do what `role` may.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require(&self, role: Role) -> Result<()> {
        self.member.role.require(role)
    }
}

impl Organisation {
    /// That it is there, to those who may see it.
    ///
    /// # Errors
    /// [`Noun::Organisation`].
    pub fn present(self) -> Result<Self> {
        match self.deleted_at {
            None => Ok(self),
            Some(_) => Err(Error::NotFound(Noun::Organisation)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_reads_like_the_name_it_is_made_of() {
        let long = "x".repeat(100);
        for (name, slug) in [
            ("Acme", "acme"),
            ("  Acme & Sons, Ltd. ", "acme-sons-ltd"),
            ("!!", "org"),
            ("Čeština 2", "e-tina-2"),
            (long.as_str(), &long[..57]),
        ] {
            let name = OrganisationName::parse(name).expect("a name");
            let made = OrganisationSlug::of_name(&name);
            assert_eq!(made.as_str(), slug);
            assert_eq!(OrganisationSlug::parse(slug), Some(made.clone()));
            let other = made.with_suffix(&Ids::random()).expect("a slug");
            assert_ne!(other, made);
            assert_eq!(OrganisationSlug::parse(other.as_str()), Some(other));
        }
        for text in ["", "-a", "a-", "A", "a b", "a_b"] {
            assert_eq!(OrganisationSlug::parse(text), None, "{text}");
        }
    }
}
