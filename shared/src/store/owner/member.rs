//! Members of owners.

use crate::store::{Store, encode, schema, unexpected};
use crate::{
    Result,
    owner::{OwnerId, member::Member},
    value::email::Email,
};

impl Store {
    /// Makes an account a member of an owner, or gives it another role. A second time changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn member_put(&self, member: &Member) -> Result<()> {
        self.client
            .put_item()
            .table_name(self.table(&schema::MEMBERS))
            .set_item(Some(encode(member)?))
            .send()
            .await
            .map_err(unexpected)?;
        Ok(())
    }

    /// Makes an account no member any more; that is seen by the next request. A second time changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn member_delete(&self, owner: &OwnerId, email: &Email) -> Result<()> {
        self.client
            .delete_item()
            .table_name(self.table(&schema::MEMBERS))
            .set_key(Some(schema::MEMBERS.key(owner.as_str(), Some(&email.folded()))))
            .send()
            .await
            .map_err(unexpected)?;
        Ok(())
    }

    /// The member of an owner with this address, if it is one.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    pub async fn member_get(&self, owner: &OwnerId, email: &Email) -> Result<Option<Member>> {
        self.get(&schema::MEMBERS, owner.as_str(), Some(&email.folded())).await
    }
}
