//! Rows in JSON: an object on each line.

use serde_json::Value;

use super::{
    column::Column,
    mapping::{Mapping, Meaning},
    row::{Cells, Given},
};

/// What a line says.
pub(super) fn cells(line: &[u8], mapping: &Mapping, given: &Given) -> Result<Cells, String> {
    let object: Value = serde_json::from_slice(line).map_err(|error| format!("the line is not JSON: {error}"))?;
    let Value::Object(fields) = object else {
        return Err("the line is not a JSON object".to_owned());
    };
    let mut cells = Cells::new();
    for (name, value) in fields {
        let column = match mapping.meaning(&name, given) {
            Meaning::Is(column) => column,
            Meaning::Ignored => continue,
            Meaning::Unknown => {
                return Err(format!(
                    "unknown field: {name}. --map FIELD=NAME says what it is, --ignore NAME passes over it."
                ));
            }
        };
        let Some(text) = cell(&value).ok_or_else(|| format!("{name} must be a text"))? else {
            continue;
        };
        if cells.insert(column, text).is_some() {
            return Err(format!("two fields are called {}", column.name()));
        }
    }
    Ok(cells)
}

/// A value as the text of a cell: `Some(None)` when it is empty, `None` when it can't be in one.
pub(super) fn cell(value: &Value) -> Option<Option<String>> {
    let text = match value {
        Value::Null => return Some(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => {
            let ids: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            ids?.join(";")
        }
        Value::Bool(_) | Value::Object(_) => return None,
    };
    Some(Some(text).filter(|text| !text.trim().is_empty()))
}

/// A license's column, as a cell of a table has it.
pub(super) fn cell_of(license: &Value, column: Column) -> String {
    let value = &license[column.field()];
    let text = cell(value).flatten().unwrap_or_default();
    // A number is no formula, be it less than nothing.
    if value.is_number() {
        text
    } else {
        keystead_core::value::formula::defused(text)
    }
}
