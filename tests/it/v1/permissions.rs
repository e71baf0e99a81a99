//! Permissions: what each lets the holder of an API key do, over every route.

use keystead_core::owner::permission::{Permission, Permissions};
use keystead_functions::{
    frame::{callers::CallerKind, endpoint::Needs},
    routes,
};
use keystead_tests::examples::{World, assert_refusal, row};

use super::expect_refusal;

#[tokio::test]
async fn every_permission_opens_its_routes_and_no_others() {
    let routes = routes::all().into_iter();
    let for_keys: Vec<_> = routes.filter(|route| route.caller == CallerKind::ProductKey).collect();
    let mut world = World::for_route(&for_keys[0]).await;
    for granted in Permission::ALL {
        let permissions = Permissions::granted(Some(&[*granted])).expect("permissions");
        world.org.key = world.person.api_key(&world.org.product_id, &[granted.as_str()]).await.1;
        for route in &for_keys {
            for method in route.methods() {
                let good = world.let_in(route, (row(route).good)(&world));
                let answer = world.send(route, method, &good).await;
                match route.needs {
                    Needs::Permission(needed) if !permissions.include(needed) => {
                        // As applications know it, and as back ends do.
                        let (code, message) = if route.face.name == "V1Authorizes" {
                            ("FORBIDDEN", "API key lacks required permission")
                        } else {
                            ("PERMISSION_DENIED", "API key does not have permission")
                        };
                        expect_refusal(&answer, 403, code, &format!("{message}: {needed}"));
                        assert_refusal(route, &answer);
                    }
                    Needs::Permission(_) | Needs::Role(_) | Needs::Nothing => {
                        answer.expect(route.statuses[0].as_u16());
                    }
                }
            }
        }
    }
}
