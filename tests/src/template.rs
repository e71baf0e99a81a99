//! What `template.yaml` says, and the policy under which each endpoint runs in Lambda.
//!
//! Every story's request runs under the policy of its function: a call that the template does not grant is refused, as
//! AWS would. [`UPDATE`] writes what the endpoints use into the template.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use keystead_core::{
    signing::secrets::SecretName,
    store::schema::{self, Table},
};
use keystead_functions::{frame::function::Function, routes};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// How the policies of the functions are written anew.
pub const UPDATE: &str = "UPDATE_EXPECT=1 cargo test -p keystead-tests --test it -- everywhere::template";

/// Leave to do something with a table or an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// An action of IAM, such as `dynamodb:GetItem`.
    pub action: String,
    /// The table, without its prefix, or `table/index/name`.
    pub resource: String,
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)
    }
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")
}

fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| fs::read_to_string(file()).unwrap_or_else(|error| panic!("{}: {error}", file().display())))
}

/// The names of the resources of this type, as they follow each other in the text.
pub fn of_type(r#type: &str) -> Vec<&'static str> {
    let resources = template()["Resources"].as_object().expect("resources");
    let wanted = resources.iter().filter(|(_, resource)| resource["Type"] == r#type);
    let mut names: Vec<&str> = wanted.map(|(id, _)| id.as_str()).collect();
    names.sort_by_key(|id| text().find(&format!("\n  {id}:\n")));
    names
}

/// `template.yaml`, with its intrinsic functions in their long form: `!Ref A` is `{"Ref": "A"}`.
pub fn template() -> &'static Value {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let documents = Yaml::load_from_str(text()).unwrap_or_else(|error| panic!("template.yaml: {error}"));
        json_of(documents.first().expect("a document"))
    })
}

/// The properties of the function of this route; `None` when there is none.
pub fn function(route: &str) -> Option<&'static Value> {
    let function = &template()["Resources"][function_id(route)];
    (function["Type"] == "AWS::Serverless::Function").then_some(&function["Properties"])
}

/// What the template calls the function of this route, or of this name: `ActivateFunction`.
pub fn function_id(route: &str) -> String {
    let name = routes::function_of(route).map_or(route, |function| function.name);
    format!("{}Function", pascal(name))
}

/// What the template calls this table: `RateLimitsTable`.
pub fn table_id(table: &Table) -> String {
    format!("{}Table", pascal(table.name))
}

/// `create-api-key` as a type is named: `CreateApiKey`.
pub fn pascal(kebab: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    kebab.split('-').map(capital).collect()
}

/// What the template grants the function of this route by statements of its own.
///
/// # Panics
/// When a statement is none that this test understands, such as one for every table.
pub fn grants(route: &str) -> Option<&'static BTreeSet<Grant>> {
    static GRANTS: OnceLock<BTreeMap<String, BTreeSet<Grant>>> = OnceLock::new();
    let all = GRANTS.get_or_init(|| {
        let resources = template()["Resources"].as_object().expect("resources");
        let functions = resources
            .iter()
            .filter(|(_, r)| r["Type"] == "AWS::Serverless::Function");
        functions
            .map(|(id, function)| (id.clone(), grants_in(id, &function["Properties"]["Policies"])))
            .collect()
    });
    all.get(&function_id(route))
}

fn grants_in(function: &str, policies: &Value) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    let own = list(policies).into_iter().filter_map(|policy| policy.get("Statement"));
    for statement in own.flat_map(list) {
        assert_eq!(statement["Effect"], "Allow", "template.yaml: {function}: {statement}");
        for resource in list(&statement["Resource"]) {
            let Some(resource) = table_or_index(resource) else {
                continue;
            };
            for action in list(&statement["Action"]) {
                let action = action.as_str().expect("an action").to_owned();
                assert!(
                    !action.contains('*'),
                    "template.yaml: {function}: name the action for {action}"
                );
                grants.insert(Grant {
                    action,
                    resource: resource.clone(),
                });
            }
        }
    }
    grants
}

/// The table, or the table and index, that a statement's resource stands for; `None` if it is neither.
fn table_or_index(resource: &Value) -> Option<String> {
    let named = |id: &str| {
        schema::ALL
            .iter()
            .find(|table| table_id(table) == id)
            .map(|table| table.name)
    };
    if let Some(arn) = resource["Fn::GetAtt"].as_str() {
        return named(arn.strip_suffix(".Arn")?).map(str::to_owned);
    }
    let (table, index) = resource["Fn::Sub"]
        .as_str()?
        .strip_prefix("${")?
        .split_once(".Arn}/index/")?;
    Some(format!("{}/index/{index}", named(table)?))
}

/// `template.yaml` with the statements that each route's function needs for what it `used`, and a line for each statement
/// by which the committed one differs.
///
/// Statements about anything but a table stay as they are, and so does the order of those that a function has already.
pub fn with_grants(used: &BTreeSet<(&str, Grant)>) -> (String, Vec<String>) {
    let mut lines: Vec<String> = text().lines().map(str::to_owned).collect();
    let mut differences = Vec::new();
    for function in routes::functions() {
        let served = |name: &str| name == function.name || function.routes.iter().any(|route| route.name == name);
        let own = used.iter().filter(|(name, _)| served(name));
        let mut actions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (_, grant) in own {
            actions.entry(&grant.resource).or_default().insert(&grant.action);
        }
        let id = format!("{}Function", pascal(function.name));
        let head = format!("  {id}:");
        // `every_route_has_a_function_that_is_built_from_its_binary` asks for it.
        let Some(start) = lines.iter().position(|line| *line == head) else {
            continue;
        };
        let length = lines[start..].iter().position(String::is_empty);
        let end = length.map_or(lines.len(), |length| start + length);
        let written = &lines[start..end];
        let statements = written.iter().position(|line| line == "        - Statement:");
        let policies = written.iter().position(|line| line == "      Policies:");
        let first = policies.map_or(end, |at| start + at);
        let old = lines[first..end].to_vec();
        let secrets = function.secrets().into_iter();
        let policy = |name: SecretName| format!("        - !Ref Read{}", pascal(name.as_str()));
        let mut new: Vec<String> = secrets.map(policy).collect();
        if statements.is_some() || !actions.is_empty() {
            new.push("        - Statement:".to_owned());
        }
        if !new.is_empty() {
            new.insert(0, "      Policies:".to_owned());
        }
        let old_statements = statements.map_or(&[][..], |at| &lines[start + at + 1..end]).to_vec();
        for statement in old_statements.chunk_by(|_, next| !next.starts_with("            - ")) {
            match resource_in(statement) {
                Some(resource) => {
                    let actions = actions.remove(&*resource);
                    new.extend(
                        actions
                            .map(|actions| statement_for(&resource, &actions))
                            .unwrap_or_default(),
                    );
                }
                None => new.extend_from_slice(statement),
            }
        }
        // Then those that are new, in the order of the tables.
        let order = |resource: &str| schema::ALL.iter().position(|table| resource.starts_with(table.name));
        let mut added: Vec<_> = actions.into_iter().collect();
        added.sort_by_key(|(resource, _)| order(resource));
        new.extend(
            added
                .iter()
                .flat_map(|(resource, actions)| statement_for(resource, actions)),
        );
        let superfluous = old.iter().enumerate().filter(|(_, line)| !new.contains(line));
        differences.extend(superfluous.map(|(at, line)| format!("line {}: {id}: not {}", first + at + 1, line.trim())));
        let missing = new.iter().filter(|line| !old.contains(line));
        differences.extend(missing.map(|line| format!("line {}: {id}: but {}", first + 1, line.trim())));
        lines.splice(first..end, new);
    }
    (lines.join("\n") + "\n", differences)
}

/// What grants the function of this route its secrets, in the template.
pub fn secret_policies(route: &str) -> impl Iterator<Item = String> {
    let function = routes::functions().find(|function| function.routes.iter().any(|served| served.name == route));
    let names = function.map(Function::secrets).unwrap_or_default();
    names.into_iter().map(|name| format!("Read{}", pascal(name.as_str())))
}

/// The table or index that the lines of a statement are about; `None` if they are about something else.
fn resource_in(statement: &[String]) -> Option<String> {
    let yaml = Yaml::load_from_str(&statement.join("\n")).expect("a statement");
    table_or_index(&json_of(yaml.first()?)[0]["Resource"])
}

/// The lines of a statement that grants these actions on a table or an index.
fn statement_for(resource: &str, actions: &BTreeSet<&str>) -> Vec<String> {
    const WIDTH: usize = 120;
    let (table, index) = resource.split_once("/index/").unzip();
    let name = table.unwrap_or(resource);
    let table = schema::ALL.iter().find(|table| table.name == name).expect("a table");
    let id = table_id(table);
    let resource = match index {
        Some(index) => format!("!Sub \"${{{id}.Arn}}/index/{index}\""),
        None => format!("!GetAtt {id}.Arn"),
    };
    let actions: Vec<&str> = actions.iter().copied().collect();
    let list = format!("[{}]", actions.join(", "));
    let line = format!("            - {{Effect: Allow, Action: {list}, Resource: {resource}}}");
    if line.len() <= WIDTH {
        return vec![line];
    }
    let mut lines = vec!["            - Effect: Allow".to_owned()];
    let line = format!("              Action: {list}");
    if line.len() <= WIDTH {
        lines.push(line);
    } else {
        lines.push("              Action:".to_owned());
        lines.extend(actions.iter().map(|action| format!("                - {action}")));
    }
    lines.push(format!("              Resource: {resource}"));
    lines
}

/// Writes `template.yaml` anew.
pub fn write(text: &str) {
    fs::write(file(), text).expect("template.yaml can be written");
}

/// What a call of DynamoDB has to be granted: the operation, and its request.
pub(crate) fn needed(operation: &str, request: &Value) -> BTreeSet<Grant> {
    let grant = |action: &str, resource: &str| Grant {
        action: format!("dynamodb:{action}"),
        resource: resource.to_owned(),
    };
    match operation {
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(table, _)| grant("BatchGetItem", table)).collect()
        }
        // A transaction needs leave for each of its actions, and none of its own.
        "TransactGetItems" => {
            let gets = request["TransactItems"].as_array().into_iter().flatten();
            gets.map(|get| grant("GetItem", get["Get"]["TableName"].as_str().unwrap_or_default()))
                .collect()
        }
        "TransactWriteItems" => {
            let actions = request["TransactItems"].as_array().into_iter().flatten();
            let named = actions.flat_map(|action| action.as_object().into_iter().flatten());
            named
                .map(|(kind, action)| {
                    let action_name = match kind.as_str() {
                        "ConditionCheck" => "ConditionCheckItem".to_owned(),
                        change => format!("{change}Item"),
                    };
                    grant(&action_name, action["TableName"].as_str().unwrap_or_default())
                })
                .collect()
        }
        _ => {
            let table = request["TableName"].as_str().unwrap_or_default();
            let resource = match request["IndexName"].as_str() {
                Some(index) => format!("{table}/index/{index}"),
                None => table.to_owned(),
            };
            BTreeSet::from([grant(operation, &resource)])
        }
    }
}

/// A value that may stand alone or in a list.
pub fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![value],
    }
}

fn json_of(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => json!(value.into_inner()),
            Scalar::String(value) => json!(value),
        },
        Yaml::Sequence(values) => values.iter().map(json_of).collect(),
        Yaml::Mapping(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let name = match json_of(name) {
                    Value::String(name) => name,
                    name @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                        name.to_string()
                    }
                };
                (name, json_of(value))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, value) => {
            let name = match tag.suffix.as_str() {
                "Ref" | "Condition" => tag.suffix.clone(),
                function => format!("Fn::{function}"),
            };
            json!({ name: json_of(value) })
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            panic!("template.yaml: {yaml:?} is not used here")
        }
    }
}
