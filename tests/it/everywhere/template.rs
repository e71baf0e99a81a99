//! `template.yaml` is what the code needs, and no more. Each message says what to write.

use std::collections::{BTreeMap, BTreeSet};

use keystead_core::{
    config::{Config, variable},
    store::schema::{self, Projection},
};
use keystead_functions::{frame::callers::CallerKind, routes};
use keystead_tests::{
    DAY, MINUTE, OWNER, Options, PASSWORD, PRODUCT, Person, TestApp, TestLicense,
    examples::{World, row},
    shop::Shop,
    template::{
        self, Grant, UPDATE, function, function_id, grants, list, of_type, pascal, secret_policies, table_id, template,
        with_grants,
    },
};
use serde_json::{Value, json};

/// What the functions that answer no route are called.
const OTHERS: [&str; 1] = ["BootstrapFunction"];

fn resources() -> impl Iterator<Item = (&'static String, &'static Value)> {
    template()["Resources"].as_object().expect("resources").iter()
}

#[test]
fn every_function_is_built_from_its_binary() {
    for served in routes::functions() {
        let id = function_id(served.name);
        assert!(
            function(served.name).is_some(),
            "template.yaml has no function for {name}. Write this where routes.rs has it, with what it may do with the \
             tables (the stories of the endpoint say what is missing):\n\n  {id}:\n    Type: \
             AWS::Serverless::Function\n    Metadata: {{BuildMethod: rust-cargolambda, BuildProperties: {{Binary: \
             {name}}}}}\n    Properties:\n      Events:\n        Api: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, \
             Method: ANY, Path: {path}}}}}\n      Policies:\n        - Statement:\n            \
             - {{Effect: Allow, Action: [dynamodb:GetItem], Resource: !GetAtt LicensesTable.Arn}}\n",
            name = served.name,
            path = served.routes[0].path(),
        );
        let metadata = &template()["Resources"][&id]["Metadata"];
        let expected = json!({ "BuildMethod": "rust-cargolambda", "BuildProperties": { "Binary": served.name } });
        assert_eq!(metadata, &expected, "template.yaml: {id}");
    }
    let functions = of_type("AWS::Serverless::Function").into_iter();
    assert_eq!(
        functions.filter(|id| !OTHERS.contains(id)).collect::<Vec<_>>(),
        routes::functions()
            .map(|served| function_id(served.name))
            .collect::<Vec<_>>(),
        "left: the functions in template.yaml, right: the functions in routes.rs, whose order they have"
    );
}

#[test]
fn every_route_is_reached_at_its_path() {
    // Which functions a path has.
    let mut shared: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for served in routes::functions() {
        for route in served.routes {
            shared.entry(route.path()).or_default().insert(served.name);
        }
    }
    for served in routes::functions() {
        let id = function_id(served.name);
        let events = &function(served.name).unwrap_or(&Value::Null)["Events"];
        let events = events.as_object().into_iter().flatten();
        let mut reached = BTreeSet::new();
        for (_, event) in events {
            assert_eq!(event["Type"], "HttpApi", "template.yaml: {id}");
            let event = &event["Properties"];
            assert_eq!(event["ApiId"], json!({ "Ref": "Api" }), "template.yaml: {id}");
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            reached.insert((text("Method"), text("Path")));
        }
        // What reaches whatever is below a path is for a function most of whose routes are there: another's are reached by
        // their own, which are more specific. Each takes a resource of the stack.
        let below: Vec<String> = reached
            .iter()
            .filter_map(|(method, path)| (method == "ANY").then(|| path.strip_suffix("{rest+}"))?)
            .map(str::to_owned)
            .collect();
        let is_below = |path: &str| below.iter().any(|prefix| path.starts_with(prefix.as_str()));
        for prefix in &below {
            let routes = served
                .routes
                .iter()
                .filter(|route| route.path().starts_with(prefix.as_str()));
            assert!(routes.count() > 1, "template.yaml: {id}: {prefix} needs no {{rest+}}");
        }
        reached.retain(|(_, path)| !path.ends_with("{rest+}"));
        let mut expected = BTreeSet::new();
        for route in served.routes.iter().filter(|route| !is_below(route.path())) {
            let path = route.path().to_owned();
            if shared[route.path()].len() == 1 {
                // Its other methods are the endpoint's to refuse.
                expected.insert(("ANY".to_owned(), path));
            } else {
                expected.extend(route.methods().map(|method| (method.to_owned(), path.clone())));
            }
        }
        if served.name == "health" {
            // Whatever has no route.
            expected.insert((String::new(), String::new()));
        }
        assert_eq!(
            reached, expected,
            "left: the Events of {id} in template.yaml, right: its routes"
        );
    }
    let limited = template()["Resources"]["Api"]["Properties"]["RouteSettings"].as_object();
    for (key, _) in limited.expect("limits") {
        let path = key.strip_prefix("ANY ").unwrap_or_default();
        let known = key == "$default" || routes::all().iter().any(|route| route.path() == path);
        assert!(known, "template.yaml: Api: RouteSettings: {key} is no route");
    }
}

/// What one host can use up of the API's throttling, which counts all callers of a route together, is what administrators have.
#[test]
fn what_applications_call_has_the_rate_of_applications() {
    let settings = &template()["Resources"]["Api"]["Properties"]["RouteSettings"];
    let for_keys = ["get-signing-key", "jwks"];
    for route in routes::all() {
        let is_application_s = route.caller == CallerKind::LicenseKeyHolder || route.name == "v1-authorize";
        if is_application_s || for_keys.contains(&route.name) {
            let own = &settings[format!("ANY {}", route.path())];
            assert_eq!(
                own["ThrottlingRateLimit"],
                json!({ "Ref": "ClientRate" }),
                "template.yaml: Api: RouteSettings: {}",
                route.path()
            );
        }
    }
}

#[test]
fn every_table_is_as_the_schema_has_it_and_is_kept() {
    let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let keys = |partition: &str, sort: Option<&str>| {
        let keys = [
            Some(attribute(partition, "HASH")),
            sort.map(|name| attribute(name, "RANGE")),
        ];
        keys.into_iter().flatten().collect::<Value>()
    };
    for table in schema::ALL {
        let id = table_id(table);
        let resource = &template()["Resources"][&id];
        let mut attributes = BTreeSet::from([table.partition]);
        attributes.extend(table.sort);
        attributes.extend(table.indexes.iter().flat_map(|i| [Some(i.partition), i.sort]).flatten());
        let mut defined = resource["Properties"]["AttributeDefinitions"].clone();
        if let Some(defined) = defined.as_array_mut() {
            defined.sort_by_key(|attribute| attribute["AttributeName"].to_string());
        }
        let indexes = table.indexes.iter().map(|index| {
            let projection = match index.projection {
                Projection::Keys => "KEYS_ONLY",
                Projection::Everything => "ALL",
            };
            json!({
                "IndexName": index.name,
                "KeySchema": keys(index.partition, index.sort),
                "Projection": { "ProjectionType": projection },
            })
        });
        let mut properties = json!({
            "TableName": { "Fn::Sub": format!("${{AWS::StackName}}-{}", table.name) },
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes
                .iter()
                .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
                .collect::<Value>(),
            "KeySchema": keys(table.partition, table.sort),
        });
        if !table.indexes.is_empty() {
            properties["GlobalSecondaryIndexes"] = indexes.collect();
        }
        // What lives an hour or a day goes with the stack. The rest outlives it, but for a first deployment that failed, which
        // clears up.
        let is_short_lived = ["rate-limits", "idempotency"].contains(&table.name);
        let (deleted, replaced) = if is_short_lived {
            ("Delete", "Delete")
        } else {
            properties["DeletionProtectionEnabled"] = json!({ "Fn::If": ["IsProtected", true, false] });
            properties["PointInTimeRecoverySpecification"] = json!({ "PointInTimeRecoveryEnabled": true });
            ("RetainExceptOnCreate", "Retain")
        };
        if let Some(attribute) = table.ttl {
            properties["TimeToLiveSpecification"] = json!({ "AttributeName": attribute, "Enabled": true });
        }
        let mut found = resource.clone();
        found["Properties"]["AttributeDefinitions"] = defined;
        let expected = json!({
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": deleted,
            "UpdateReplacePolicy": replaced,
            "Properties": properties,
        });
        assert_eq!(
            found, expected,
            "left: {id} in template.yaml, right: what shared/src/store/schema.rs makes of it"
        );
    }
    assert_eq!(
        of_type("AWS::DynamoDB::Table"),
        schema::ALL.iter().map(|table| table_id(table)).collect::<Vec<_>>(),
        "left: the tables in template.yaml, right: those in shared/src/store/schema.rs, whose order they have"
    );
}

/// The variables that these files read, by how they are written: `"KEYSTEAD_..."`.
fn variables_in(files: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        names.extend(text.split('"').filter(|part| is_variable(part)).map(str::to_owned));
    }
    names
}

fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix("KEYSTEAD_").unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[test]
fn every_variable_that_functions_read_is_set_and_no_other() {
    let set = template()["Globals"]["Function"]["Environment"]["Variables"].as_object();
    let mut set: BTreeSet<String> = set.expect("variables").keys().cloned().collect();
    assert!(
        set.remove("KEYSTEAD_START"),
        "template.yaml: without KEYSTEAD_START nothing has the functions start anew"
    );
    assert_eq!(
        set,
        variables_in(&["shared/src/config.rs", "functions/src/aws/lambda.rs"]),
        "left: the Variables of Globals in template.yaml, right: what shared/src/config.rs and functions/src/aws/lambda.rs \
         read; give a setting a parameter of its own, whose default is empty"
    );
    // Each number is a parameter of the same name.
    let variables = &template()["Globals"]["Function"]["Environment"]["Variables"];
    for (name, value) in variables.as_object().expect("variables") {
        if let Some(parameter) = value["Ref"].as_str().filter(|_| !name.ends_with("_SECRET_ARN")) {
            let kebab = name["KEYSTEAD_".len()..].to_lowercase().replace('_', "-");
            assert_eq!(parameter, pascal(&kebab), "template.yaml: {name}");
            assert!(
                !template()["Parameters"][parameter].is_null(),
                "template.yaml: no parameter {parameter}"
            );
        }
    }
}

/// CloudFormation asks the bootstrap function when a property of its resource changes, and only then.
#[test]
fn a_deployment_with_a_setting_that_no_function_can_start_with_fails() {
    let resources = &template()["Resources"];
    let shown: BTreeSet<&str> = list(&resources["Bootstrap"]["Properties"]["Settings"])
        .into_iter()
        .filter_map(|setting| setting["Ref"].as_str())
        .collect();
    let variables = &template()["Globals"]["Function"]["Environment"]["Variables"];
    for (name, value) in variables.as_object().expect("variables") {
        let Some(parameter) = value["Ref"].as_str() else {
            continue;
        };
        // A secret's address is none of the operator's, and a change of `Start` is shown by itself.
        if !resources[parameter].is_null() || parameter == "Start" {
            continue;
        }
        assert!(
            shown.contains(parameter),
            "template.yaml: Bootstrap: Settings lacks {parameter}, so that a bad {name} stops every function in silence"
        );
    }
}

/// A number that is none is refused before anything is made.
#[test]
fn every_number_is_checked_before_anything_is_made() {
    let parameters = template()["Parameters"].as_object().expect("parameters");
    for (name, parameter) in parameters {
        let is_checked = ["AllowedPattern", "AllowedValues"]
            .iter()
            .any(|check| !parameter[check].is_null());
        assert!(
            parameter["Type"] != "String" || !parameter["Description"].is_null() || is_checked,
            "template.yaml: {name} has no AllowedPattern"
        );
    }
}

#[test]
fn every_function_may_start_and_none_may_do_more_than_its_boundary() {
    for route in routes::all() {
        let policies = &function(route.name).unwrap_or(&Value::Null)["Policies"];
        let secrets: Vec<Value> = secret_policies(route.name)
            .map(|policy| json!({ "Ref": policy }))
            .collect();
        let (first, others): (Vec<_>, Vec<_>) = list(policies)
            .into_iter()
            .partition(|policy| policy.get("Ref").is_some());
        assert_eq!(
            first,
            secrets.iter().collect::<Vec<_>>(),
            "template.yaml: the secrets of {}. Have them written:\n  {UPDATE}",
            function_id(route.name)
        );
        let others = others.into_iter();
        assert!(
            others.clone().all(|policy| policy.get("Statement").is_some()),
            "template.yaml: {}: write statements, which can be held against what the endpoint does",
            function_id(route.name)
        );
        for statement in others.flat_map(|policy| list(&policy["Statement"])) {
            assert!(
                statement["Resource"]["Fn::GetAtt"].is_string() || statement["Resource"]["Fn::Sub"].is_string(),
                "template.yaml: {}: name one table or index in {statement}",
                function_id(route.name)
            );
        }
    }
    let boundary = &template()["Resources"]["FunctionBoundary"]["Properties"]["PolicyDocument"]["Statement"];
    let allowed: BTreeSet<&str> = list(boundary)
        .into_iter()
        .flat_map(|statement| list(&statement["Action"]))
        .filter_map(Value::as_str)
        .collect();
    let granted = routes::all()
        .into_iter()
        .filter_map(|route| grants(route.name))
        .flatten();
    for grant in granted {
        assert!(
            allowed.contains(grant.action.as_str()),
            "template.yaml: FunctionBoundary lacks {}, so that nobody may do it",
            grant.action
        );
    }
}

#[test]
fn a_function_opens_a_connection_that_it_will_use() {
    for served in routes::functions() {
        let may = grants(served.name).is_some_and(|grants| !grants.is_empty());
        assert_eq!(
            served.calls_dynamodb(),
            may,
            "{}: left: Endpoint::CALLS_DYNAMODB, right: whether template.yaml lets its function use a table",
            served.name
        );
    }
}

/// SAM's builder knows one profile, and it is not ours: `infra/build` tells it by variables.
#[test]
fn what_sam_builds_has_the_profile_of_the_benchmarks() {
    let manifest = repository_file("Cargo.toml");
    let profile = manifest
        .split("\n[")
        .find_map(|section| section.strip_prefix("profile.lambda]\n"));
    let profile: BTreeMap<String, String> = profile
        .expect("the profile `lambda`")
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .filter(|(name, _)| *name != "inherits" && !name.starts_with('#'))
        .map(|(name, value)| {
            (
                name.to_uppercase().replace('-', "_"),
                value.trim_matches('"').to_owned(),
            )
        })
        .collect();
    let script = repository_file("infra/build");
    let variables: BTreeMap<String, String> = script
        .lines()
        .filter_map(|line| line.strip_prefix("export CARGO_PROFILE_RELEASE_"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(
        variables, profile,
        "left: infra/build, right: [profile.lambda] in Cargo.toml"
    );
}

fn repository_file(path: &str) -> String {
    let full = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn who_sends_mail_may_and_nobody_else() {
    for served in routes::functions() {
        let policies = &function(served.name).unwrap_or(&Value::Null)["Policies"];
        assert_eq!(
            served.open_mailer.is_some(),
            policies.to_string().contains("ses:SendEmail"),
            "left: whether {} opens a mailer, right: whether {} in template.yaml is granted ses:SendEmail",
            served.name,
            function_id(served.name)
        );
    }
}

/// What CloudFormation counts, once SAM has made its resources of this: a function is three, itself, its role, and the
/// leave of the API to call it.
#[test]
fn there_is_room_for_twenty_more_functions() {
    // Of the 500 that CloudFormation allows: the rest is for what a deployment switches on.
    const MOST: usize = 400;
    const OF_A_FUNCTION: usize = 3;
    let made = |(id, resource): (&String, &Value)| match resource["Type"].as_str().unwrap_or_default() {
        "AWS::Serverless::Function" if OTHERS.contains(&id.as_str()) => 2,
        "AWS::Serverless::Function" => {
            let events = resource["Properties"]["Events"].as_object().expect("events");
            // Who may be called for anything needs no leave for a path beside it.
            let anything = events.values().any(|event| event["Properties"]["Path"].is_null());
            OF_A_FUNCTION - 1 + if anything { 1 } else { events.len() }
        }
        // The API and its stage.
        "AWS::Serverless::HttpApi" => 2,
        plain if plain.starts_with("AWS::Serverless::") => panic!("{id}: what does SAM make of {plain}?"),
        _ => 1,
    };
    let resources: usize = resources().map(made).sum();
    assert!(
        resources + 20 * OF_A_FUNCTION <= MOST,
        "{resources} resources: this stack may have {MOST}. Several routes of one noun can share a function."
    );
    let runbook = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/README.md");
    let runbook = std::fs::read_to_string(runbook).expect("infra/README.md");
    assert!(
        runbook.contains(&format!("This one makes {resources}, and")),
        "infra/README.md: it makes {resources} resources"
    );
}

/// API Gateway would answer browsers in the functions' place, and the same for every API.
#[test]
fn the_functions_say_whose_pages_read_their_answers() {
    assert!(
        template()["Resources"]["Api"]["Properties"]
            .get("CorsConfiguration")
            .is_none(),
        "template.yaml: Api: with a CorsConfiguration, API Gateway drops what functions/src/frame/cors.rs says"
    );
}

/// Of one client's refusal nobody else is told, and what a credential opens is kept for no other.
#[test]
fn the_distribution_keeps_no_refusal_and_tells_callers_apart() {
    let resources = &template()["Resources"];
    let distribution = &resources["Distribution"]["Properties"]["DistributionConfig"];
    // Those that CloudFront keeps unless it is told not to.
    let kept = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];
    let expected: Value = kept
        .iter()
        .map(|code| json!({ "ErrorCode": code, "ErrorCachingMinTTL": 0 }))
        .collect();
    assert_eq!(
        distribution["CustomErrorResponses"], expected,
        "template.yaml: Distribution"
    );
    let key =
        &resources["DistributionCache"]["Properties"]["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"];
    assert_eq!(key["CookiesConfig"], json!({ "CookieBehavior": "all" }));
    let headers = list(&key["HeadersConfig"]["Headers"]);
    for header in ["Authorization", "Origin", "X-API-Key"] {
        assert!(
            headers.contains(&&json!(header)),
            "template.yaml: DistributionCache lacks {header}"
        );
    }
}

/// CloudFront hands on what it is told to, and nothing else.
#[test]
fn the_distribution_hands_on_every_header_that_is_looked_at() {
    let headers = |policy: &str, of: &str| {
        let config = &template()["Resources"][policy]["Properties"][of];
        let config = config.get("ParametersInCacheKeyAndForwardedToOrigin").unwrap_or(config);
        let names = list(&config["HeadersConfig"]["Headers"]).into_iter();
        names
            .map(|name| name.as_str().expect("a name").to_lowercase())
            .collect::<Vec<_>>()
    };
    let mut handed_on = headers("DistributionHeaders", "OriginRequestPolicyConfig");
    let in_key = headers("DistributionCache", "CachePolicyConfig");
    for names in [&handed_on, &in_key] {
        assert!(
            names.len() <= 10,
            "template.yaml: CloudFront lets a policy have ten headers, not {names:?}"
        );
    }
    handed_on.extend(in_key);
    let distinct: BTreeSet<&String> = handed_on.iter().collect();
    assert_eq!(
        distinct.len(),
        handed_on.len(),
        "template.yaml: CloudFront takes a header once: {handed_on:?}"
    );
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/src");
    let mut looked_at = BTreeSet::from([
        "cloudfront-viewer-country".to_owned(),
        "cloudfront-viewer-address".to_owned(),
        "idempotency-key".to_owned(),
    ]);
    let callers = std::fs::read_dir(source.join("frame/callers")).expect("the callers");
    let callers = callers.map(|file| file.expect("a file").path());
    let others = ["frame/request.rs", "frame/pipeline.rs", "frame/browser.rs"].map(|file| source.join(file));
    for file in callers.chain(others) {
        let text = std::fs::read_to_string(file).expect("the source");
        let named = text
            .split("header(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        looked_at.extend(named.map(str::to_owned));
    }
    assert!(looked_at.len() >= 7, "{looked_at:?}");
    let lost: Vec<&String> = looked_at.iter().filter(|name| !handed_on.contains(name)).collect();
    assert!(lost.is_empty(), "template.yaml: CloudFront keeps {lost:?} to itself");
}

/// The policies are made of what the stories of this test use. That those use all that an endpoint needs, every other
/// story shows: the harness refuses what the template does not grant.
#[tokio::test(start_paused = true)]
async fn every_function_is_granted_what_it_uses_and_no_more() {
    let mut used: BTreeSet<(&str, Grant)> = BTreeSet::new();
    for route in routes::all() {
        for method in route.methods() {
            // On the heap, as the stories below: all are one future, for which the stack of a test's thread is too small.
            let world = Box::pin(World::for_route(&route)).await;
            let good = (row(&route).good)(&world);
            Box::pin(world.send(&route, method, &world.let_in(&route, good))).await;
            used.extend(world.app.faults.used());
        }
        // Waiting for the same request, and taking over from one that died, are stories of idempotency.rs.
        if route.writes {
            for action in ["GetItem", "PutItem", "UpdateItem"] {
                let action = format!("dynamodb:{action}");
                let resource = schema::IDEMPOTENCY.name.to_owned();
                let served = routes::function_of(route.name).expect("a function");
                used.insert((served.name, Grant { action, resource }));
            }
        }
        // Every process takes portions of a limit, notes that a key was used, and nonces of signatures: which request of a story
        // does is chance.
        let served = routes::function_of(route.name).expect("a function");
        let mut also = |action: &str, table: &schema::Table| {
            let action = format!("dynamodb:{action}");
            let resource = table.name.to_owned();
            used.insert((served.name, Grant { action, resource }));
        };
        if route.face.limits && route.caller != CallerKind::Anyone {
            also("UpdateItem", &schema::RATE_LIMITS);
        }
        if route.caller == CallerKind::ProductKey {
            also("PutItem", &schema::RATE_LIMITS);
            also("UpdateItem", &schema::API_KEYS);
        }
    }
    // On the heap: together they are more than a test's stack.
    for app in [
        Box::pin(machines_come_and_go()).await,
        Box::pin(a_shared_key_is_caught()).await,
        Box::pin(a_vendor_works()).await,
        Box::pin(a_vendor_helps_customers()).await,
        Box::pin(a_site_has_very_many_machines()).await,
        Box::pin(a_vendor_looks_for_licenses()).await,
        Box::pin(stores_sell()).await,
        Box::pin(a_buyer_exchanges_keys()).await,
        Box::pin(a_team_works()).await,
        Box::pin(a_shop_sells()).await,
    ] {
        used.extend(app.faults.used());
    }
    for app in Box::pin(people_come_back()).await {
        used.extend(app.faults.used());
    }
    for app in Box::pin(access_tokens_are_good_for_hours()).await {
        used.extend(app.faults.used());
    }
    let (written, differences) = with_grants(&used);
    if variable("UPDATE_EXPECT").is_some() {
        template::write(&written);
        return;
    }
    assert!(
        differences.is_empty(),
        "template.yaml grants other than what the stories of this test use. If an endpoint needs more than they show, tell \
         a story here in which it does. Then have the policies written:\n  {UPDATE}\n{}",
        differences.join("\n")
    );
}

async fn machines_come_and_go() -> TestApp {
    let app = TestApp::start().await;
    let floating = app.license().floating(1).create().await;
    let (one, two) = (app.machine("one"), app.machine("two"));
    one.activate(&floating).await.expect(200);
    one.heartbeat(&floating).await.expect(200);
    // The last session is asked for, is taken, and lapses.
    two.activate(&floating).await.expect(403);
    app.advance(16 * MINUTE);
    two.activate(&floating).await.expect(200);
    one.validate(&floating).await;
    app.advance(16 * MINUTE);
    one.validate(&floating).await.expect(200);
    two.heartbeat(&floating).await;
    app.advance(16 * MINUTE);
    two.heartbeat(&floating).await.expect(200);
    two.validate(&floating).await.expect(200);
    app.machine("three").move_license(&floating, &one.fingerprint).await;
    app.advance(16 * MINUTE);
    app.machine("three").move_license(&floating, &one.fingerprint).await;
    app.machine("four").move_license(&floating, "unknownx").await;
    // As it is shown, once it can't run any more.
    app.advance(31 * DAY);
    let shown = two.shown();
    app.machine("five").move_license(&floating, &shown).await.expect(200);
    two.activate(&floating).await.expect(403);
    app.advance(16 * MINUTE);
    two.activate(&floating).await.expect(200);
    two.deactivate(&floating).await.expect(200);
    // A key as somebody has typed it.
    let typed = TestLicense {
        key: floating.key.replace('-', "–"),
    };
    two.activate(&typed).await;
    two.validate(&typed).await;
    two.heartbeat(&typed).await;
    two.list_machines(&typed).await;
    two.move_license(&typed, "unknown").await;
    two.deactivate(&typed).await;
    let verified = json!({ "licenseKey": typed.key, "productId": PRODUCT });
    app.stranger().post("/verify", verified).await.expect(200);
    app
}

async fn a_shared_key_is_caught() -> TestApp {
    let app = TestApp::start().await;
    for way in 0..3 {
        let license = app.license().max_machines(9).create().await;
        let machine = app.machine("a");
        machine.activate(&license).await.expect(200);
        for country in ["FR", "DE", "US", "JP", "BR"] {
            let machine = machine.clone().in_country(country);
            match way {
                0 => machine.activate(&license).await.expect(200).clone(),
                1 => machine.validate(&license).await.expect(200).clone(),
                // In its own place.
                _ => machine
                    .move_license(&license, &machine.fingerprint)
                    .await
                    .expect(200)
                    .clone(),
            };
        }
        // It was there before that, and goes on.
        machine.heartbeat(&license).await.expect(200);
        let violations = app.shown(&license).await["violations"].clone();
        let resolve = json!({ "licenseKey": license.key, "violationIds": [violations[0]["id"]] });
        app.admin().post("/resolveLicense", resolve).await.expect(200);
    }
    app
}

async fn a_vendor_works() -> TestApp {
    let app = TestApp::start().await;
    let admin = app.admin();
    let license = app.license().create().await;
    app.machine("a").activate(&license).await.expect(200);
    let named = json!({ "licenseKey": license.key });
    admin.post("/resetActivations", named.clone()).await.expect(200);
    admin.post("/revokeLicense", named.clone()).await.expect(200);
    admin.post("/reinstateLicense", named).await.expect(200);
    admin.post("/listApiKeys", json!({})).await.expect(200);
    admin
        .post("/listAuditEvents", json!({ "creatorId": OWNER }))
        .await
        .expect(200);
    let member = json!({ "creatorId": OWNER, "email": "ann@example.com", "role": "dev" });
    admin.post("/addMember", member).await.expect(200);
    let member = json!({ "creatorId": OWNER, "email": "ann@example.com" });
    admin.post("/removeMember", member).await.expect(200);
    admin.post("/listProducts", json!({})).await.expect(200);
    admin.post("/listTrialCodes", json!({})).await.expect(200);
    admin.post("/listDiscountCodes", json!({})).await.expect(200);
    let creator = app.creator(OWNER).await;
    creator
        .post("/listTrialCodes", json!({ "productId": PRODUCT }))
        .await
        .expect(200);
    creator
        .post("/listDiscountCodes", json!({ "productId": PRODUCT }))
        .await
        .expect(200);
    let code = json!({ "code": "ONCE", "productId": PRODUCT, "maxUses": 1 });
    admin.post("/createTrialCode", code).await.expect(200);
    let redeem = |email: &str| json!({ "code": "ONCE", "email": email });
    admin
        .post("/redeemTrialCode", redeem("a@example.com"))
        .await
        .expect(200);
    admin
        .post("/redeemTrialCode", redeem("b@example.com"))
        .await
        .expect(403);
    let sale = json!({ "code": "SALE", "productId": PRODUCT, "discountPercent": 20 });
    admin.post("/createDiscountCode", sale).await.expect(200);
    let sold = json!({ "email": "c@example.com", "productId": PRODUCT, "discountCode": "SALE", "purchaseId": "p-1" });
    admin.post("/createLicense", sold).await.expect(200);
    app
}

async fn a_vendor_helps_customers() -> TestApp {
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    let license = app.license().with("licenseType", "site").create().await;
    // More than one transaction takes off a license.
    for machine in 0..97 {
        let machine = app.machine(&format!("m-{machine}"));
        machine.activate(&license).await.expect(200);
    }
    let named = json!({ "licenseKey": license.key, "notify": false });
    app.admin().post("/reissueLicense", named.clone()).await.expect(200);
    app.admin().post("/reissueLicense", named).await.expect(404);
    let license = app.license().create().await;
    let machine = app.machine("a");
    machine.activate(&license).await.expect(200);
    let one = json!({ "licenseKey": license.key, "machineFingerprint": machine.fingerprint });
    app.admin().post("/resetActivations", one.clone()).await.expect(200);
    app.admin().post("/resetActivations", one).await.expect(404);
    // Those who are refused are counted: a machine that is known by itself, a new one by its network.
    machine.activate(&license).await.expect(200);
    license.revoke(&app).await;
    for machine in [&machine, &app.machine("b")] {
        machine.activate(&license).await.expect(403);
        machine.move_license(&license, &machine.fingerprint).await.expect(403);
    }
    app
}

async fn a_site_has_very_many_machines() -> TestApp {
    let app = TestApp::start().await;
    let license = app.license().with("licenseType", "site").create().await;
    let own = app.machine("own");
    own.activate(&license).await.expect(200);
    let now = app.now().to_string();
    for machine in 0..1001 {
        app.put_item(
            &schema::ACTIVATIONS,
            json!({
                "licenseKey": { "S": license.key }, "fingerprint": { "S": format!("m-{machine}") },
                "machineId": { "S": format!("{machine:04}") }, "hostname": { "S": "host" },
                "firstSeen": { "S": now }, "lastSeen": { "S": now }, "tokenExpiry": { "S": now },
            }),
        );
    }
    let page = own.list_machines(&license).await;
    let next = json!({ "cursor": page.expect(200)["activationsCursor"] });
    own.list_machines_with(&license, next).await.0.expect(200);
    app
}

async fn a_vendor_looks_for_licenses() -> TestApp {
    let app = TestApp::start().await;
    app.license().with("expiresAt", "2031-01-01T00:00:00Z").create().await;
    let creator = app.creator(OWNER).await;
    for asked in [
        json!({}),
        json!({ "status": "expired" }),
        json!({ "email": "customer@example.com" }),
        json!({ "productId": PRODUCT }),
        json!({ "productId": PRODUCT, "status": "expired" }),
    ] {
        app.admin().post("/listLicenses", asked.clone()).await.expect(200);
        creator.post("/listLicenses", asked).await.expect(200);
    }
    app
}

async fn stores_sell() -> TestApp {
    let app = TestApp::start().await;
    let code = json!({ "code": "SUMMER", "trialDays": 5, "productId": PRODUCT });
    app.admin().post("/createTrialCode", code).await.expect(200);
    let prefix = json!({ "productId": PRODUCT, "keyPrefix": "ACME" });
    app.admin().post("/updateProduct", prefix).await.expect(200);
    let store = app.store();
    let notice = json!({ "purchaseId": "p-1", "discountCode": "SUMMER" });
    store.tell("purchase.completed", notice.clone()).await.expect(200);
    store.tell("purchase.disputed", notice).await.expect(200);
    store
        .tell("purchase.completed", json!({ "purchaseId": "p-2" }))
        .await
        .expect(200);
    store.tell("purchase.refunded", json!({})).await.expect(200);

    // A store of one owner's.
    let wanted = json!({ "creatorId": OWNER, "name": "shop", "purpose": "store" });
    let made = app.admin().post("/createApiKey", wanted).await;
    let own = json!({
        "type": "purchase.completed", "email": "a@example.com", "productId": PRODUCT, "webhookSecret": made.expect(200)["apiKey"],
    });
    app.stranger().post("/cgloungeWebhook", own).await.expect(200);

    // Its buyer has another key by the time that a purchase is told again.
    let notice = json!({ "purchaseId": "p-3" });
    let buyer = app.person("customer@example.com").await;
    let exchange = async |key: &Value| {
        let named = json!({ "key": key });
        buyer.post("/api/license-keys/shuffle", named).await.expect(200);
    };
    let sold = store.tell("purchase.completed", notice.clone()).await;
    exchange(&sold.expect(200)["licenseKey"]).await;
    store.tell("purchase.completed", notice).await.expect(200);
    // The deployment's Stripe account, and an owner's.
    let endpoint = app.stripe_endpoint(OWNER, "whsec_of-alice-in-this-story").await;
    let own = app.stripe().signing_with("whsec_of-alice-in-this-story").at(&endpoint);
    for stripe in [app.stripe(), own] {
        let mut session = json!({
            "id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
            "customer_details": { "email": "customer@example.com" },
            "metadata": { "productId": PRODUCT, "discountCode": "SUMMER" },
        });
        stripe
            .deliver("evt_1", "checkout.session.completed", session.clone())
            .await
            .expect(200);
        let dispute = json!({ "id": "dp_1", "payment_intent": "pi_1", "charge": "ch_1" });
        stripe
            .deliver("evt_2", "charge.dispute.created", dispute)
            .await
            .expect(200);
        let won = json!({ "id": "dp_1", "payment_intent": "pi_1", "charge": "ch_1", "status": "won" });
        stripe.deliver("evt_5", "charge.dispute.closed", won).await.expect(200);
        session["id"] = json!("cs_2");
        session["payment_intent"] = json!("pi_2");
        let sold = stripe
            .deliver("evt_3", "checkout.session.completed", session.clone())
            .await;
        exchange(&sold.expect(200)["licenseKey"]).await;
        stripe
            .deliver("evt_4", "checkout.session.completed", session)
            .await
            .expect(200);
    }
    let rolled = json!({ "apiKey": endpoint, "stripeSecret": "whsec_of-alice-once-it-was-rolled" });
    app.admin().post("/replaceStripeSecret", rolled).await.expect(200);
    app
}

/// What a team does beside what it does well at once.
async fn a_team_works() -> TestApp {
    let app = TestApp::start().await;
    let owner = app.person("owner@example.com").await;
    let org = owner.organisation("Acme").await;
    // A slug that others have, and another name.
    owner.organisation("Acme").await;
    let path = format!("/v1/dashboard/orgs/{org}");
    owner.ask("PATCH", &path, json!({ "slug": "other" })).await.expect(200);
    let colleague = app.person("colleague@example.com").await;
    owner.invite(&org, &colleague.email, "OWNER").await;
    let token = json!({ "token": app.mailed_token(&colleague.email) });
    for _ in 0..2 {
        colleague
            .post("/v1/dashboard/invites/accept", token.clone())
            .await
            .expect(200);
    }
    // Those who are invited become members with their account, by whichever way they choose its password.
    for path in [
        "/v1/auth/verify",
        "/v1/auth/reset-password",
        "/api/auth/verify",
        "/api/auth/reset-password",
    ] {
        let email = format!("{}@example.com", path.replace('/', "-"));
        owner.invite(&org, &email, "OWNER").await;
        let asked = json!({ "email": email, "inviteToken": app.mailed_token(&email) });
        app.stranger().post("/v1/auth/register", asked).await.expect(201);
        let chosen = json!({ "token": app.mailed_token(&email), "password": PASSWORD });
        for _ in 0..2 {
            app.stranger().post(path, chosen.clone()).await.expect(200);
        }
    }
    // An organisation with licenses that are not revoked is not deleted at once.
    let member = json!({ "creatorId": OWNER, "email": owner.email, "role": "owner" });
    app.admin().post("/addMember", member).await.expect(200);
    app.license().create().await;
    let path = format!("/v1/dashboard/orgs/{OWNER}");
    owner.ask("DELETE", &path, json!({})).await.expect(409);
    let device = app.stranger();
    let who = json!({ "email": owner.email, "password": PASSWORD });
    let known = device.post("/v1/auth/login", who.clone()).await;
    let mut again = who;
    again["deviceToken"] = known.expect(200)["data"]["deviceToken"].clone();
    device.post("/v1/auth/login", again.clone()).await.expect(200);
    again["password"] = json!("wrong password");
    device.post("/v1/auth/login", again).await.expect(401);
    let shown = json!({ "refreshToken": known.body["data"]["tokens"]["refreshToken"] });
    device.post("/v1/auth/refresh", shown.clone()).await.expect(200);
    device.post("/v1/auth/refresh", shown).await.expect(401);
    // For the only organisation that one is in, and one that is in it already.
    let made = colleague
        .post("/v1/dashboard/products", json!({ "name": "Brush" }))
        .await;
    let product = made.expect(201)["data"]["product"]["id"].clone();
    let again = json!({ "productId": product });
    owner
        .post(&format!("/v1/dashboard/orgs/{org}/products"), again)
        .await
        .expect(201);
    let (_, key) = owner.api_key(product.as_str().expect("an id"), &[]).await;
    app.stranger().get_signed(&key, "/v1/whoami").await.expect(200);
    app
}

/// What comes of licenses of `/v1` beside what goes well at once: limits that are reached, leases that lapse, what is taken back.
/// What teams do to licenses, by an API key.
async fn a_back_end_manages(shop: &Shop) {
    let made = shop.by_key("POST", "", json!({ "count": 3 })).await;
    let made = made.expect(201)["data"]["licenses"].clone();
    let own = json!({ "key": "BACK-END" });
    shop.by_key("POST", "", own.clone()).await.expect(201);
    shop.by_key("POST", "", own).await.expect(409);
    for query in [
        "?page=2&pageSize=2",
        "?status=ACTIVE",
        "?status=EXPIRED",
        "?search=BACK-END",
        "?search=back",
        "?search=ada@example.com",
    ] {
        shop.by_key("GET", query, json!({})).await.expect(200);
    }
    let id = |number: usize| format!("/{}", made[number]["id"].as_str().expect("an id"));
    let key = TestLicense {
        key: made[0]["key"].as_str().expect("a key").to_owned(),
    };
    for session in ["s", "t"] {
        let asked = json!({ "hwid": "a", "ip": "203.0.113.1", "sessionId": session });
        shop.authorize(&key, asked).await.expect(200);
    }
    for (method, rest, body) in [
        ("GET", "", json!({})),
        ("GET", "/sessions?all=true", json!({})),
        ("POST", "/sessions/s/revoke", json!({})),
        ("POST", "/sessions/revoke-all", json!({})),
        ("POST", "/reset-hwid", json!({})),
        ("POST", "/reset-ip", json!({})),
        ("POST", "/freeze", json!({})),
        ("POST", "/unfreeze", json!({})),
        ("POST", "/extend", json!({ "days": 1 })),
        ("PATCH", "", json!({ "expiresAfterDays": 3 })),
        ("POST", "/revoke", json!({})),
        ("POST", "/unrevoke", json!({})),
        ("DELETE", "", json!({})),
    ] {
        shop.by_key(method, &(id(0) + rest), body).await.expect(200);
    }
    shop.by_key("GET", "/unknown", json!({})).await.expect(404);
    // With machines on it.
    let key = TestLicense {
        key: made[1]["key"].as_str().expect("a key").to_owned(),
    };
    let asked = json!({ "hwid": "a", "ip": "203.0.113.1", "sessionId": "s" });
    shop.authorize(&key, asked).await.expect(200);
    shop.by_key("DELETE", &id(1), json!({})).await.expect(200);
}

async fn a_shop_sells() -> TestApp {
    let app = TestApp::start().await;
    let shop = app.shop().await;
    let of_org = format!("/v1/dashboard/orgs/{}/licenses", shop.org);
    shop.license(json!({ "key": "CUSTOM-KEY" })).await;
    let taken = json!({ "productId": shop.product, "key": "CUSTOM-KEY" });
    shop.owner.post(&of_org, taken).await.expect(409);
    let many = json!({ "productId": shop.product, "count": 3 });
    let made = shop.owner.post(&of_org, many).await;
    for query in [
        "?page=2&pageSize=2",
        "?search=CUSTOM-KEY",
        "?search=custom",
        "?search=ada@example.com",
        "/expiring",
    ] {
        shop.owner.get(&format!("{of_org}{query}")).await.expect(200);
    }
    for status in ["ACTIVE", "EXPIRED", "REVOKED", "FROZEN"] {
        for list in ["", "/export"] {
            for product in [String::new(), format!("&productId={}", shop.product)] {
                let query = format!("{of_org}{list}?status={status}{product}");
                shop.owner.get(&query).await.expect(200);
            }
        }
        let all = format!("/v1/dashboard/licenses?status={status}");
        shop.owner.get(&all).await.expect(200);
    }
    shop.owner
        .get("/v1/dashboard/licenses?page=2&pageSize=2")
        .await
        .expect(200);
    for report in [
        "/analytics".to_owned(),
        format!("/analytics?productId={}", shop.product),
        "/export".to_owned(),
    ] {
        shop.owner.get(&format!("{of_org}{report}")).await.expect(200);
    }
    let gone = made.expect(201)["data"]["licenses"][0].clone();
    let key = TestLicense {
        key: gone["key"].as_str().expect("a key").to_owned(),
    };
    let asked = json!({ "hwid": "a", "ip": "203.0.113.1", "sessionId": "s" });
    shop.authorize(&key, asked).await.expect(200);
    let gone = json!({ "licenseIds": [gone["id"]] });
    shop.owner.ask("DELETE", &of_org, gone).await.expect(200);
    shop.of_many("freeze", json!({ "licenseIds": ["unknown"] }))
        .await
        .expect(200);
    let rows = json!({ "productId": shop.product, "licenses": [{ "key": key.key }, { "key": "CUSTOM-KEY" }, { "key": "NEW" }] });
    shop.owner.post(&format!("{of_org}/import"), rows).await.expect(200);
    let blacklist = format!("/v1/dashboard/blacklists/products/{}", shop.product);
    for _ in 0..2 {
        let entry = json!({ "type": "HWID", "value": "stolen" });
        shop.owner.post(&blacklist, entry).await;
    }
    Box::pin(a_back_end_manages(&shop)).await;
    let none = TestLicense { key: "none".to_owned() };
    shop.authorize(&none, json!({})).await.expect(404);
    shop.owner.get("/v1/dashboard/licenses/unknown").await.expect(404);
    let limits = json!({
        "hwid": { "mode": "limit", "maxDistinct": 2 },
        "ip": { "mode": "limit", "maxDistinct": 1, "windowDays": 7, "limitType": "ip" },
        "concurrency": { "mode": "limit", "maxActive": 1 },
        "resetBudget": { "hwid": { "max": 1, "cooldownHours": 24 } },
    });
    let (license, view) = shop.limited(limits).await;
    let ask = async |hwid: &str, ip: &str, session: &str, status: u16| {
        let asked = json!({ "hwid": hwid, "ip": ip, "sessionId": session });
        shop.authorize(&license, asked).await.expect(status);
    };
    ask("a", "203.0.113.1", "s1", 200).await;
    ask("a", "203.0.113.2", "s1", 403).await;
    ask("b", "203.0.113.1", "s2", 403).await;
    let dry = json!({ "hwid": "b", "ip": "203.0.113.1", "sessionId": "s2", "dryRun": true });
    shop.authorize(&license, dry).await.expect(403);
    app.advance(15 * MINUTE);
    ask("b", "203.0.113.1", "s2", 200).await;
    app.advance(15 * MINUTE);
    ask("c", "203.0.113.1", "s3", 403).await;
    shop.owner.refresh().await;
    for (method, rest, status) in [
        ("GET", "/sessions?all=true", 200),
        ("GET", "", 200),
        ("POST", "/sessions/s2/revoke", 200),
        ("POST", "/sessions/s2/revoke", 200),
        ("POST", "/sessions/revoke-all", 200),
        ("POST", "/reset-ip", 200),
        ("POST", "/reset-hwid", 200),
        ("POST", "/reset-hwid", 403),
    ] {
        shop.of(&view, method, rest, json!({})).await.expect(status);
    }
    ask("d", "203.0.113.3", "s4", 200).await;
    app.advance(8 * DAY);
    ask("d", "203.0.113.4", "s5", 200).await;
    let shop = shop.signed_in().await;
    let frozen = json!({ "frozen": true });
    shop.of(&view, "PATCH", "", frozen).await.expect(200);
    shop.authorize(&license, json!({ "hwid": "d" })).await.expect(403);
    let (ending, _) = shop.license(json!({ "expiresAfterDays": 1 })).await;
    shop.authorize(&ending, json!({ "hwid": "a" })).await.expect(200);
    app.advance(2 * DAY);
    shop.authorize(&ending, json!({ "hwid": "a" })).await.expect(403);
    // Another process, which knows neither the key nor the product, and a machine of another API.
    let app_key = app.product_key(OWNER, PRODUCT, None).await;
    let floating = app.license().floating(1).create().await;
    app.machine("a").activate(&floating).await.expect(200);
    let asked = json!({ "productId": PRODUCT, "licenseKey": floating.key, "hwid": "a", "sessionId": "s" });
    shop.authorize_by(&app_key, asked).await.0.expect(403);
    app
}

/// What those who are signed in do an hour later, when it is noted that they were seen; and accounts with more behind them.
async fn people_come_back() -> Vec<TestApp> {
    let mut apps = Vec::new();
    for route in routes::all()
        .into_iter()
        .filter(|route| route.caller == CallerKind::SignedIn)
    {
        for method in route.methods() {
            let world = World::for_route(&route).await;
            let good = world.let_in(&route, (row(&route).good)(&world));
            // What was mailed is good for an hour.
            world.app.advance(59 * MINUTE);
            world.person.get("/api/auth/me").await.expect(200);
            world.app.advance(MINUTE);
            world.send(&route, method, &good).await;
            apps.push(world.app);
        }
    }
    let app = TestApp::start().await;
    let email = "customer@example.com";
    let buyer = app.person(email).await;
    let device = app.stranger();
    let who = json!({ "email": email, "password": PASSWORD });
    let known = device.post("/api/auth/login", who.clone()).await;
    let mut again = who;
    again["deviceToken"] = known.expect(200)["deviceToken"].clone();
    device.post("/api/auth/login", again).await.expect(200);
    // Wrong passwords are told in the account's log.
    let wrong = json!({ "email": email, "password": "wrong password" });
    device.post("/api/auth/login", wrong).await.expect(401);
    let wrong = json!({ "currentPassword": "wrong password", "password": "another password" });
    buyer.post("/api/auth/change-password", wrong).await.expect(400);
    let wrong = json!({ "email": "new@example.com", "password": "wrong password" });
    buyer.post("/api/auth/change-email", wrong).await.expect(400);
    // A token that is used twice.
    let forgotten = json!({ "email": email });
    device.post("/api/auth/forgot-password", forgotten).await.expect(200);
    let chosen = json!({ "token": app.mailed_token(email), "password": PASSWORD });
    for path in [
        "/api/auth/reset-password",
        "/api/auth/verify",
        "/api/auth/reset-password",
    ] {
        device.post(path, chosen.clone()).await.expect(200);
    }
    drop(buyer);
    let buyer = Person::sign_in(&app, email).await;
    // Two mails an hour are sent to a mailbox.
    app.advance(60 * MINUTE);
    let taken = json!({ "email": "CUSTOMER@example.com", "password": PASSWORD });
    buyer.post("/api/auth/change-email", taken).await.expect(200);
    let confirmed = json!({ "token": app.mailed_token("CUSTOMER@example.com") });
    buyer.post("/api/auth/confirm-email", confirmed).await.expect(200);
    // Of a license that was bought with an address that they had before, by its id, and by a key that it had before.
    let buyer = Person::sign_in(&app, email).await;
    let moved = json!({ "email": "moved@example.com", "password": PASSWORD });
    buyer.post("/api/auth/change-email", moved).await.expect(200);
    let confirmed = json!({ "token": app.mailed_token("moved@example.com") });
    buyer.post("/api/auth/confirm-email", confirmed).await.expect(200);
    let buyer = Person::sign_in(&app, "moved@example.com").await;
    let license = app.license().create().await;
    buyer.get(&format!("/api/license-keys?email={email}")).await.expect(200);
    let by_id = json!({ "licenseId": app.stored(&license).await.license_id });
    for _ in 0..2 {
        buyer.post("/api/license-keys/reset", by_id.clone()).await.expect(200);
        buyer.post("/api/license-keys/shuffle", by_id.clone()).await.expect(200);
    }
    let unknown = json!({ "licenseId": "unknown" });
    for path in ["/api/license-keys/reset", "/api/license-keys/shuffle"] {
        buyer.post(path, unknown.clone()).await.expect(404);
    }
    apps.push(app);
    apps
}

/// What those do whose access tokens are good for longer than it takes until it is noted that they were seen: the operator says
/// how long that is.
async fn access_tokens_are_good_for_hours() -> Vec<TestApp> {
    let mut apps = Vec::new();
    for route in routes::all()
        .into_iter()
        .filter(|route| route.caller == CallerKind::AccountHolder)
    {
        for method in route.methods() {
            let mut config = Config::default();
            config.accounts.access_life = 120 * MINUTE;
            let app = Options::default().config(config).start().await;
            let world = Box::pin(World::of(app)).await;
            let world = Box::pin(world.with_team()).await;
            let good = world.let_in(&route, (row(&route).good)(&world));
            world.app.advance(60 * MINUTE);
            world.send(&route, method, &good).await;
            apps.push(world.app);
        }
    }
    apps
}

async fn a_buyer_exchanges_keys() -> TestApp {
    let app = TestApp::start().await;
    app.faults.without_rate_limit();
    let imported = app.license().with("licenseKey", "Key 1").with("licenseType", "site");
    let license = imported.create().await;
    // More than one transaction takes off a license.
    for machine in 0..97 {
        let machine = app.machine(&format!("m-{machine}"));
        machine.activate(&license).await.expect(200);
    }
    let buyer = app.person("customer@example.com").await;
    let named = json!({ "key": license.key });
    buyer.post("/api/license-keys/shuffle", named.clone()).await.expect(200);
    buyer.post("/api/license-keys/shuffle", named).await.expect(404);
    buyer.get("/api/license-keys/unknown/events").await.expect(404);
    let validate = async |license: &TestLicense| {
        let named = json!({ "key": license.key });
        app.stranger()
            .post("/api/license-keys/validate", named)
            .await
            .expect(200);
    };
    validate(&app.license().create().await).await;
    // Of a product that is not known yet.
    app.make_product("new", OWNER, "live").await;
    validate(&app.license().with("productId", "new").create().await).await;
    app
}
