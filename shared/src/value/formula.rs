//! Formulas in cells: a spreadsheet carries out what a customer called their discount code.
//!
//! An apostrophe before it makes a cell a text. What begins with apostrophes before a formula gets one more, so that taking
//! one away gives each cell back as it was.

/// The cell, which no spreadsheet takes for a formula.
#[must_use]
pub fn defused(cell: String) -> String {
    if would_be_one(&cell) { format!("'{cell}") } else { cell }
}

/// The cell as it was before it was defused, here or by a store's export.
pub fn restored(cell: &str) -> &str {
    cell.strip_prefix('\'')
        .filter(|rest| would_be_one(rest))
        .unwrap_or(cell)
}

/// Whether a cell is a formula, or would be one without the apostrophes before it.
fn would_be_one(cell: &str) -> bool {
    cell.trim_start_matches('\'')
        .starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::{defused, restored};

    #[test]
    fn every_cell_is_defused_and_comes_back() {
        for (cell, written) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-ABC", "'-ABC"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("'=1", "''=1"),
            ("''@x", "'''@x"),
            ("'tis", "'tis"),
            ("'", "'"),
            ("", ""),
            ("1=1", "1=1"),
        ] {
            assert_eq!(defused(cell.to_owned()), written);
            assert_eq!(restored(written), cell);
        }
    }
}
