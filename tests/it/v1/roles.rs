//! Roles: what each may do, over every route.

use keystead_core::owner::member::Role;
use keystead_functions::{
    frame::{endpoint::Needs, route::Route},
    routes,
};
use keystead_tests::examples::{World, assert_refusal, row};
use serde_json::json;

use super::{expect_refusal, of};

fn with_roles() -> impl Iterator<Item = (Route, Role)> {
    routes::all().into_iter().filter_map(|route| match route.needs {
        Needs::Role(role) if route.face.prefix == "/v1" => Some((route, role)),
        Needs::Role(_) | Needs::Permission(_) | Needs::Nothing => None,
    })
}

#[tokio::test]
async fn every_route_does_for_a_role_what_it_says_and_no_more() {
    for (route, needed) in with_roles() {
        for role in Role::ALL {
            let world = World::for_route(&route).await;
            let colleague = world.org.colleague.clone().expect("a colleague");
            let path = of(&world.org.id, &format!("/members/{}", world.org.colleague_id));
            let name = role.as_str().to_uppercase();
            world
                .person
                .ask("PATCH", &path, json!({ "role": name }))
                .await
                .expect(200);
            for method in route.methods() {
                let good = world.let_in(&route, (row(&route).good)(&world));
                let answer = world.send_as(&colleague, &route, method, &good).await;
                if role.includes(needed) {
                    answer.expect(route.statuses[0].as_u16());
                } else {
                    expect_refusal(&answer, 403, "FORBIDDEN", "Your role does not allow this");
                    assert_refusal(&route, &answer);
                }
            }
        }
    }
}

#[tokio::test]
async fn every_route_of_an_organisation_is_not_there_to_who_is_no_member() {
    for (route, _) in with_roles() {
        let world = World::for_route(&route).await;
        let other = world.app.person("other@example.com").await;
        other.organisation("Elsewhere").await;
        for method in route.methods() {
            let good = world.let_in(&route, (row(&route).good)(&world));
            let foreign = world.send_as(&other, &route, method, &good).await;
            let mut unknown = good.clone();
            unknown["orgId"] = json!("nothing");
            for id in ["productId", "keyId", "id"] {
                if good.get(id).is_some() {
                    unknown[id] = json!("nothing");
                }
            }
            let unknown = world.send_as(&other, &route, method, &unknown).await;
            foreign.expect_body(404, &unknown.body);
        }
    }
}
