//! Cursors of pages: one that is none of ours is none, one of ours is the same again, and one that was made up leads to no
//! failure and to no license of somebody else.
#![no_main]

use std::{cell::RefCell, sync::LazyLock};

use keystead_core::{
    license::standing::LicenseStatus,
    owner::{OwnerId, Scope},
    product::ProductId,
    signing::sealing::{Seal, SealingRoot},
    store::license::list::{Cursor, LicenseFilter, LicenseState},
    value::email::Email,
};
use keystead_tests::{OWNER, PRODUCT, TestApp, secrets};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// What the service seals cursors with.
static SEAL: LazyLock<Seal> = LazyLock::new(|| {
    let root = SealingRoot::new(&secrets().credentials.sealing_key).expect("a root");
    root.seal_for("cursor").expect("a key")
});

struct World {
    runtime: Runtime,
    app: TestApp,
    /// Lists of one owner, and a cursor of each.
    lists: Vec<(LicenseFilter, Value)>,
}

fn owner() -> Scope {
    Scope::Owner(OwnerId::parse(OWNER).expect("an id"))
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (app, lists) = runtime.block_on(async {
            let app = TestApp::start().await;
            app.faults.without_rate_limit();
            app.make_product("foreign", "bob", "live").await;
            for _ in 0..3 {
                app.license().create().await;
                app.license().with("expiresAt", "2029-01-01T00:00:00Z").create().await;
                app.license().with("productId", "foreign").create().await;
            }
            let product = ProductId::parse(PRODUCT);
            let states = [
                None,
                Some(LicenseState::Expired),
                Some(LicenseState::Status(LicenseStatus::Active)),
            ];
            let mut filters: Vec<LicenseFilter> = states
                .into_iter()
                .flat_map(|state| {
                    [None, product.clone()].map(|product| LicenseFilter {
                        owners: None,
                        product,
                        email: None,
                        state,
                    })
                })
                .collect();
            filters.push(LicenseFilter {
                email: Email::parse("customer@example.com"),
                ..LicenseFilter::default()
            });
            let mut lists = Vec::new();
            for filter in filters {
                let page = app.cx.store.license_list(&owner(), &filter, 1, None, app.now()).await;
                let page = page.expect("a read").expect("a page");
                let cursor = page.next.expect("there are more");
                let sealed = cursor.seal(&SEAL, &owner(), &filter).expect("sealed");
                assert_eq!(Cursor::open(&sealed, &SEAL, &owner(), &filter).as_ref(), Some(&cursor));
                let told = serde_json::from_slice(&cursor.to_bytes()).expect("JSON");
                lists.push((filter, told));
            }
            (app, lists)
        });
        Self { runtime, app, lists }
    }
}

fuzz_target!(|data: &[u8]| -> Corpus {
    thread_local!(static WORLD: RefCell<World> = RefCell::new(World::new()));

    // As it is carried.
    let any = LicenseFilter::default();
    let opened = std::str::from_utf8(data).ok();
    let opened = opened.and_then(|text| Cursor::open(text, &SEAL, &owner(), &any));
    assert_eq!(opened, None, "nobody seals but us");
    let Some((which, rest)) = data.split_first() else {
        return Corpus::Reject;
    };
    WORLD.with_borrow_mut(|world| {
        let (filter, genuine) = &world.lists[usize::from(*which) % world.lists.len()];
        // The positions are made up, for the list that they are shown to.
        let mut texts = String::from_utf8_lossy(rest)
            .split('\n')
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .into_iter();
        let positions: Vec<Value> = genuine["positions"]
            .as_array()
            .expect("positions")
            .iter()
            .map(|position| match (texts.next().as_deref(), texts.next()) {
                (None | Some("="), _) => position.clone(),
                (Some("start"), _) => json!("Start"),
                (Some("end"), _) => json!("End"),
                (Some(sort), key) => json!({ "After": [sort, key.unwrap_or_default()] }),
            })
            .collect();
        let forged = json!({ "positions": positions }).to_string();
        let Some(cursor) = Cursor::from_bytes(forged.as_bytes()) else {
            return Corpus::Keep;
        };
        assert_eq!(Cursor::from_bytes(&cursor.to_bytes()).as_ref(), Some(&cursor));
        let (app, owner) = (&world.app, owner());
        // They are kept for stories, and there are none here.
        app.faults.calls();
        let read = app.cx.store.license_list(&owner, filter, 10, Some(&cursor), app.now());
        let page = world
            .runtime
            .block_on(read)
            .expect("no failure")
            .expect("it is this list's");
        assert!(page.licenses.iter().all(|license| license.owner_id.as_str() == OWNER));
        Corpus::Keep
    })
});
