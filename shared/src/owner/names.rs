//! Names: which ones an owner may give to products and codes, which are unique over all owners.

use sha2::{Digest as _, Sha256};

use crate::{
    Error, Result,
    owner::{OwnerId, Scope},
    product::Slug,
    sale::code::CodeName,
    value::{base32, text::choice},
};

choice!(
    /// Who may give which names.
    NamePolicy {
        /// Whoever comes first has a name. Who wants one that another has is told that it is taken.
        Shared = "shared",
        /// An API key makes names that begin with its owner's [`Handle`] only. So nobody takes a name that another wants, or
        /// learns which names others have.
        ByOwner = "by-owner",
    }
);

/// With what the names of one owner begin: letters and digits, which follow from the owner's id.
///
/// **Invariant**: two owners have two, and neither is followed by what the other may begin with: a handle ends where its
/// separator stands, which none has inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle(String);

impl Handle {
    /// The longest id that is its own handle.
    const LONGEST: usize = 24;
    /// How many letters stand for an id that is not.
    const HASHED: usize = 12;
    /// With what those begin.
    const MARK: char = 'x';

    /// The handle of an owner: the id, where that is of a few small letters and digits; otherwise letters that follow from it.
    pub fn of(owner: &OwnerId) -> Self {
        let id = owner.as_str();
        let is_plain = id.len() <= Self::LONGEST && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let looks_hashed = id.starts_with(Self::MARK) && id.len() == 1 + Self::HASHED;
        if is_plain && !looks_hashed {
            return Self(id.to_owned());
        }
        let mut letters = base32::encode(&Sha256::digest(id)).to_ascii_lowercase();
        letters.truncate(Self::HASHED);
        Self(format!("{}{letters}", Self::MARK))
    }

    /// The handle as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With what the slugs of the owner's products begin.
    pub fn of_products(&self) -> String {
        format!("{}.", self.0)
    }

    /// With what the owner's codes begin, in any letter case.
    pub fn of_codes(&self) -> String {
        format!("{}-", self.0.to_ascii_uppercase())
    }
}

impl NamePolicy {
    /// That who sees no more than `scope` may give a product this slug. It does not depend on what there is.
    ///
    /// # Errors
    /// What the slug must begin with.
    pub fn check_slug(self, scope: &Scope, slug: &Slug) -> Result<()> {
        let Some(handle) = self.handle(scope) else {
            return Ok(());
        };
        let prefix = handle.of_products();
        allowed("slug", slug.as_str(), slug.as_str(), &prefix)
    }

    /// As [`NamePolicy::check_slug`], of a code.
    ///
    /// # Errors
    /// What the code must begin with.
    pub fn check_code(self, scope: &Scope, code: &CodeName) -> Result<()> {
        let Some(handle) = self.handle(scope) else {
            return Ok(());
        };
        allowed("code", code.as_str(), &code.folded(), &handle.of_codes())
    }

    /// The handle with which names have to begin, of who is bound to one.
    fn handle(self, scope: &Scope) -> Option<Handle> {
        match (self, scope) {
            (Self::ByOwner, Scope::Owner(owner)) => Some(Handle::of(owner)),
            (Self::ByOwner, Scope::Everything) | (Self::Shared, _) => None,
        }
    }
}

fn allowed(field: &str, name: &str, folded: &str, prefix: &str) -> Result<()> {
    if folded.starts_with(prefix) && name.len() > prefix.len() {
        return Ok(());
    }
    Err(Error::field(field, &format!("a name that begins with {prefix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(id: &str) -> String {
        Handle::of(&OwnerId::parse(id).expect("an id")).as_str().to_owned()
    }

    #[test]
    fn a_plain_id_is_its_own_handle_and_no_other_id_has_it() {
        assert_eq!(handle("acme"), "acme");
        assert_eq!(handle("24h"), "24h");
        let others = [
            "Acme",
            "acme-2",
            "acme.2",
            "a c m e",
            "\u{e9}",
            "0123456789012345678901234",
        ];
        for id in others {
            let handle = handle(id);
            let sound = handle.len() == 13 && handle.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            assert!(sound && handle.starts_with('x'), "{id}: {handle}");
            // Nobody has it by calling themselves so.
            assert_ne!(self::handle(&handle), handle);
        }
    }

    #[test]
    fn the_names_of_one_owner_are_no_names_of_another() {
        let scope = |id: &str| Scope::Owner(OwnerId::parse(id).expect("an id"));
        let slug = |text: &str| Slug::parse(text).expect("a slug");
        let code = |text: &str| CodeName::parse(text).expect("a code");
        let by_owner = NamePolicy::ByOwner;
        for (id, good) in [("acme", true), ("acm", false), ("acmea", false), ("bob", false)] {
            assert_eq!(by_owner.check_slug(&scope(id), &slug("acme.app")).is_ok(), good, "{id}");
            for written in ["ACME-SALE", "acme-sale", "Acme-Sale"] {
                assert_eq!(by_owner.check_code(&scope(id), &code(written)).is_ok(), good, "{id}");
            }
        }
        for wrong in ["acme", "acme.", "ACME.app", "app", "x.acme.app"] {
            assert!(by_owner.check_slug(&scope("acme"), &slug(wrong)).is_err(), "{wrong}");
        }
        for free in [(NamePolicy::Shared, scope("bob")), (by_owner, Scope::Everything)] {
            free.0.check_slug(&free.1, &slug("acme.app")).expect("any name");
            free.0.check_code(&free.1, &code("ACME-SALE")).expect("any name");
        }
    }
}
