//! Organisations, and of whose teams somebody is.

use std::ops::ControlFlow::{Break, Continue};

use futures_util::future::try_join;

use crate::{
    Error, Result,
    account::Account,
    audit::Audit,
    error::{Noun, Unique},
    event::EventType,
    ids::CreationId,
    owner::{
        OwnerId,
        member::{Member, MemberId},
        organisation::{Membership, Organisation, OrganisationName, OrganisationSlug},
    },
    store::{
        Store,
        item::{Item, decode, encode, text},
        owner::team::{ORGANISATION, member_item, member_key, organisation_key},
        schema,
        write::{Action, Refusal, Transaction, UpdateExpression, WriteOutcome, delete, put, retried, update},
    },
};

/// How many teams somebody is a member of at most: so many are listed.
const MOST_TEAMS: i32 = 100;

/// The partition of a slug.
fn slug_partition(slug: &OrganisationSlug) -> String {
    // No owner's id holds a `#`.
    format!("slug#{slug}")
}

fn organisation_item(organisation: &Organisation) -> Result<Item> {
    let mut item = encode(organisation)?;
    item.insert("item".to_owned(), text(ORGANISATION));
    Ok(item)
}

/// That a slug is this organisation's, should it be nobody's.
fn slug_creation(organisation: &Organisation) -> Action {
    let mut item = schema::TEAMS.key(&slug_partition(&organisation.slug), Some(ORGANISATION));
    item.insert("organisation".to_owned(), text(&organisation.owner_id));
    // **Race**: of two organisations that want a slug, one gets it.
    put(&schema::TEAMS, item).when("attribute_not_exists(ownerId)", [])
}

impl Store {
    /// Makes an organisation and its first member. Answers whether its slug was free.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub async fn organisation_create(
        &self,
        organisation: &Organisation,
        founder: &Member,
        audit: &Audit,
    ) -> Result<bool> {
        let entry = &audit
            .entry(
                EventType::OrganisationCreated,
                &organisation.owner_id,
                organisation.slug.as_str(),
            )?
            .with("name", organisation.name.as_str());
        let made = put(&schema::TEAMS, organisation_item(organisation)?).when("attribute_not_exists(ownerId)", []);
        let joined = put(&schema::TEAMS, member_item(founder)?);
        let actions = [slug_creation(organisation), made, joined];
        retried("an organisation", actions, |attempt, actions| async move {
            let transaction = Transaction::of(actions.clone()).with_event(entry)?;
            Ok(match self.commit(transaction).await? {
                WriteOutcome::Done => Break(true),
                WriteOutcome::Refused([Refusal::By(_), ..]) => Break(false),
                WriteOutcome::Refused(_) => return Err(Error::internal("an organisation's id is taken")),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await
    }

    /// Sees to it that an owner that the flat API made is an organisation, named like it.
    pub(in crate::store) async fn organisation_ensure(&self, owner: &OwnerId, audit: &Audit) -> Result<Organisation> {
        if let Some(there) = self.organisation_get_unscoped(owner).await? {
            return Ok(there);
        }
        let name: String = owner.as_str().chars().take(100).collect();
        let name = OrganisationName::parse(&name).ok_or(Error::internal("an owner's id is no name"))?;
        let mut slug = OrganisationSlug::of_name(&name);
        let creation = CreationId::new(&audit.ids)?;
        let entry = audit.entry(EventType::OrganisationCreated, owner, slug.as_str())?;
        loop {
            let organisation = Organisation {
                owner_id: owner.clone(),
                name: name.clone(),
                slug: slug.clone(),
                owners: 0,
                created_at: audit.now,
                creation: creation.clone(),
                updated_at: audit.now,
                deleted_at: None,
            };
            let made = put(&schema::TEAMS, organisation_item(&organisation)?).when("attribute_not_exists(ownerId)", []);
            let transaction = Transaction::of([slug_creation(&organisation), made]).with_event(&entry)?;
            match self.commit(transaction).await? {
                WriteOutcome::Done => return Ok(organisation),
                WriteOutcome::Refused([_, Refusal::By(Some(there))]) => return decode(there),
                WriteOutcome::Refused(_) => slug = OrganisationSlug::of_name(&name).with_suffix(&audit.ids)?,
                WriteOutcome::Contended => {}
            }
        }
    }

    /// The organisation of this owner, should it be one.
    ///
    /// **Unscoped**: the caller must check who asks.
    pub async fn organisation_get_unscoped(&self, owner: &OwnerId) -> Result<Option<Organisation>> {
        self.get(&schema::TEAMS, owner.as_str(), Some(ORGANISATION)).await
    }

    /// The organisation with this slug.
    ///
    /// **Unscoped**: likewise.
    pub async fn organisation_by_slug_unscoped(&self, slug: &OrganisationSlug) -> Result<Option<Organisation>> {
        let found: Option<SlugOwner> = self
            .get(&schema::TEAMS, &slug_partition(slug), Some(ORGANISATION))
            .await?;
        match found {
            Some(found) => self.organisation_get_unscoped(&found.organisation).await,
            None => Ok(None),
        }
    }

    /// An organisation, and as what the holder of `account` is a member of its team: in one call.
    ///
    /// # Errors
    /// [`Noun::Organisation`], of what is not there as of what they are no member of.
    pub async fn membership_get(&self, owner: &OwnerId, account: &Account) -> Result<Membership> {
        let ids = MemberId::of(account);
        let mut keys = vec![organisation_key(owner)];
        keys.extend(ids.iter().map(|id| member_key(owner, id)));
        let (mut organisation, mut members) = (None, Vec::new());
        for item in self.get_batch(vec![(&schema::TEAMS, keys)]).await?.take(&schema::TEAMS) {
            if item.get("item") == Some(&text(ORGANISATION)) {
                organisation = Some(decode::<Organisation>(item)?);
            } else {
                members.push(decode::<Member>(item)?);
            }
        }
        // Added by their address and once more by their account: the role that may do more counts.
        members.sort_by_key(|member| member.role);
        match (organisation, members.pop()) {
            (Some(organisation), Some(member)) => Ok(Membership {
                organisation: organisation.present()?,
                member,
            }),
            _ => Err(Error::NotFound(Noun::Organisation)),
        }
    }

    /// The organisations in whose teams the holder of `account` is, by their ids: as an index has them, so a membership of this
    /// very moment may be missing.
    pub async fn membership_list(&self, account: &Account) -> Result<Vec<Membership>> {
        let [by_account, by_email] = MemberId::of(account);
        let teams = async |id: &MemberId| -> Result<Vec<OwnerId>> {
            let query = self.query_index(&schema::TEAMS, &schema::TEAMS_BY_MEMBER, id.as_str());
            let page = query.limit(MOST_TEAMS).send().await.map_err(crate::store::unexpected)?;
            let of = |item: Item| decode::<TeamOf>(item).map(|team| team.owner_id);
            page.items.unwrap_or_default().into_iter().map(of).collect()
        };
        let (mut owners, others) = try_join(teams(&by_account), teams(&by_email)).await?;
        owners.extend(others);
        owners.sort();
        owners.dedup();
        owners.truncate(usize::try_from(MOST_TEAMS).unwrap_or_default());
        let found = owners
            .iter()
            .map(async |owner| match self.membership_get(owner, account).await {
                Ok(membership) => Ok(Some(membership)),
                Err(Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            });
        let found = futures_util::future::try_join_all(found).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Gives an organisation another name or slug.
    ///
    /// # Errors
    /// [`Unique::OrganisationSlug`]; [`Noun::Organisation`] when it is deleted meanwhile.
    pub async fn organisation_rename(
        &self,
        organisation: &Organisation,
        name: OrganisationName,
        slug: OrganisationSlug,
        audit: &Audit,
    ) -> Result<Organisation> {
        let changed = Organisation {
            name,
            slug,
            updated_at: audit.now,
            ..organisation.clone()
        };
        let owner = &organisation.owner_id;
        let entry = &audit.entry_of_change(
            EventType::OrganisationUpdated,
            owner,
            organisation.slug.as_str(),
            (organisation, &changed),
        )?;
        let renamed = UpdateExpression::default()
            .set("name", text(&changed.name))
            .set("slug", text(&changed.slug))
            .set("updatedAt", text(changed.updated_at))
            // **Race**: of two requests that rename it, the second finds the slug of the first, which it would leave behind.
            .when(
                "slug = :seen AND attribute_not_exists(deletedAt)",
                [(":seen", text(&organisation.slug))],
            );
        let renamed = update(&schema::TEAMS, organisation_key(owner), renamed);
        let mut actions = vec![renamed];
        if changed.slug != organisation.slug {
            actions.push(slug_creation(&changed));
            let former = schema::TEAMS.key(&slug_partition(&organisation.slug), Some(ORGANISATION));
            actions.push(delete(&schema::TEAMS, former));
        }
        let refusals = retried("an organisation", actions, |attempt, actions| async move {
            let mut transaction = Transaction::of([]);
            for action in &actions {
                transaction = transaction.with(action.clone());
            }
            Ok(match self.commit_all(transaction.with_event(entry)?).await? {
                WriteOutcome::Done => Break(None),
                WriteOutcome::Refused(refusals) => Break(Some(refusals)),
                WriteOutcome::Contended => {
                    attempt.back_off().await;
                    Continue(actions)
                }
            })
        })
        .await?;
        match refusals.as_deref() {
            None => Ok(changed),
            Some([Refusal::By(_), ..]) => Err(Error::NotFound(Noun::Organisation)),
            Some(_) => Err(Error::Taken(Unique::OrganisationSlug)),
        }
    }

    /// Hides an organisation, and everything that it owns, from everybody. A second time changes nothing.
    pub async fn organisation_delete(&self, organisation: &Organisation, audit: &Audit) -> Result<()> {
        let owner = &organisation.owner_id;
        let entry = audit.entry(EventType::OrganisationDeleted, owner, organisation.slug.as_str())?;
        let gone = UpdateExpression::default()
            .set("deletedAt", text(audit.now))
            .when("attribute_exists(ownerId) AND attribute_not_exists(deletedAt)", []);
        let gone = update(&schema::TEAMS, organisation_key(owner), gone);
        self.commit_noted("an organisation", gone, &entry).await.map(drop)
    }
}

/// Whose a slug is.
#[derive(serde::Deserialize)]
struct SlugOwner {
    organisation: OwnerId,
}

/// Of whose team an item of the index is.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TeamOf {
    owner_id: OwnerId,
}
