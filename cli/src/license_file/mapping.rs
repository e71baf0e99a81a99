//! Which column of a file says what.

use super::{
    column::{Column, plain},
    preset::{Find, Preset},
    row::{Cells, Given},
};

/// The column in which a file says why its rows were refused before. It is passed over.
pub(crate) const REFUSED_BECAUSE: &str = "refusedBecause";

/// What the file's owner says of its columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    /// What each of these columns is, whatever it is called.
    pub(crate) map: Vec<(Column, String)>,
    /// Columns that are passed over.
    pub(crate) ignore: Vec<String>,
    /// Whether all others that are not a license's are passed over as well.
    pub(crate) ignore_unknown: bool,
    /// Whose export it is.
    pub(crate) preset: Option<Preset>,
}

/// What a column is.
pub(super) enum Meaning {
    Is(Column),
    Ignored,
    Unknown,
}

impl Mapping {
    /// What a column with this name is, without a preset.
    pub(super) fn meaning(&self, name: &str, given: &Given) -> Meaning {
        let is = |other: &str| plain(name) == plain(other);
        if let Some((column, _)) = self.map.iter().find(|(_, from)| is(from)) {
            return if given.replaces(*column) {
                Meaning::Ignored
            } else {
                Meaning::Is(*column)
            };
        }
        if name.trim().is_empty() || is(REFUSED_BECAUSE) || self.ignore.iter().any(|ignored| is(ignored)) {
            return Meaning::Ignored;
        }
        match Column::named(name.trim()) {
            // Another column is that one.
            Some(column) if self.map.iter().any(|(mapped, _)| *mapped == column) => Meaning::Ignored,
            Some(column) if given.replaces(column) => Meaning::Ignored,
            Some(column) => Meaning::Is(column),
            None if self.ignore_unknown => Meaning::Ignored,
            None => Meaning::Unknown,
        }
    }

    /// The mapping as text: an import that is run again with another one is another import.
    pub(crate) fn told(&self) -> Option<String> {
        let maps = self
            .map
            .iter()
            .map(|(column, from)| format!("{}={from}", column.name()));
        let ignored = self.ignore.iter().map(|name| format!("-{name}"));
        let preset = self.preset.iter().map(|preset| preset.name().to_owned());
        let told: Vec<String> = maps.chain(ignored).chain(preset).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// Where each column of a license is in a record: the first of these cells that is not blank.
#[derive(Debug)]
pub(super) struct Layout {
    names: Vec<String>,
    sources: Vec<(Column, Vec<usize>)>,
    preset: Option<Preset>,
}

impl Layout {
    /// That of a file whose columns have these names.
    ///
    /// # Errors
    /// When they can't be those of licenses.
    pub(super) fn new(names: Vec<String>, mapping: &Mapping, given: &Given) -> Result<Self, String> {
        let seen = || {
            let named = names.iter().filter(|name| !name.trim().is_empty());
            named.map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
        };
        let asked = mapping.map.iter().map(|(_, from)| from).chain(&mapping.ignore);
        for asked in asked {
            if !names.iter().any(|name| plain(name) == plain(asked)) {
                return Err(format!("there is no column {asked:?}. The file has {}", seen()));
            }
        }
        let mut sources: Vec<(Column, Vec<usize>)> = Vec::new();
        let mut unknown = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let is_mapped = mapping.map.iter().any(|(_, from)| plain(from) == plain(name));
            if mapping.preset.is_some() && !is_mapped {
                continue;
            }
            match mapping.meaning(name, given) {
                Meaning::Is(column) if sources.iter().any(|(known, _)| *known == column) => {
                    return Err(format!(
                        "two columns are called {}. The file has {}",
                        column.name(),
                        seen()
                    ));
                }
                Meaning::Is(column) => sources.push((column, vec![place])),
                Meaning::Ignored => {}
                Meaning::Unknown => unknown.push(format!("{name:?}")),
            }
        }
        if !unknown.is_empty() {
            return Err(format!(
                "columns that are not a license's: {}. The file has {}; a license has {}. \
                 --map FIELD=COLUMN says what a column is, --ignore COLUMN passes over it, --ignore-unknown-columns over all.",
                unknown.join(", "),
                seen(),
                Column::ALL.map(Column::name).join(", ")
            ));
        }
        for (column, from) in mapping.preset.map(Preset::sources).unwrap_or_default() {
            let place = |from: &&str| names.iter().position(|name| plain(name) == plain(from));
            let places: Vec<usize> = from.iter().filter_map(place).collect();
            let is_free = !given.replaces(*column) && sources.iter().all(|(known, _)| known != column);
            if is_free && !places.is_empty() {
                sources.push((*column, places));
            }
        }
        let has = |column| sources.iter().any(|(known, _)| *known == column);
        if !has(Column::Email) {
            return Err(format!(
                "there is no column email. The file has {}. --map email=COLUMN names it.",
                seen()
            ));
        }
        if !has(Column::ProductId) && given.product.is_none() {
            return Err(format!(
                "there is no column productId, and no --product. The file has {}. --map productId=COLUMN names it.",
                seen()
            ));
        }
        Ok(Self {
            names,
            sources,
            preset: mapping.preset,
        })
    }

    /// How many cells a record has.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }

    /// The columns' names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// What is read as what, for people.
    pub(super) fn told(&self) -> Vec<(String, &'static str)> {
        let from = |places: &[usize]| {
            places
                .iter()
                .map(|place| self.names[*place].as_str())
                .collect::<Vec<_>>()
                .join(" or ")
        };
        let sources = self.sources.iter();
        sources.map(|(column, places)| (from(places), column.name())).collect()
    }

    /// Whether a record is no row, but the sum of others.
    pub(super) fn is_total(&self, record: &csv::ByteRecord) -> bool {
        self.preset
            .is_some_and(|preset| preset.is_total(&|name| self.find(record, name)))
    }

    /// What a record says.
    ///
    /// # Errors
    /// Why it is no license.
    pub(super) fn cells(&self, record: &csv::ByteRecord) -> Result<Cells, String> {
        if record.len() != self.width() {
            let lines = record.iter().flatten().filter(|byte| **byte == b'\n').count();
            let hint = if lines > 0 {
                ". It goes over several lines: a quotation mark may lack its partner"
            } else {
                ""
            };
            return Err(format!(
                "the row has {} cells, and the first line names {}{hint}",
                record.len(),
                self.width()
            ));
        }
        let mut cells = Cells::new();
        for (column, places) in &self.sources {
            for place in places {
                let cell =
                    std::str::from_utf8(&record[*place]).map_err(|_| format!("{} is not in UTF-8", column.name()))?;
                let cell = keystead_core::value::formula::restored(cell);
                if !cell.trim().is_empty() {
                    cells.insert(*column, cell.to_owned());
                    break;
                }
            }
        }
        if let Some(preset) = self.preset {
            let find: Find<'_> = &|name| self.find(record, name);
            preset.adjust(find, &mut cells)?;
        }
        Ok(cells)
    }

    fn find<'a>(&self, record: &'a csv::ByteRecord, name: &str) -> Option<&'a str> {
        let place = self.names.iter().position(|known| plain(known) == plain(name))?;
        let cell = std::str::from_utf8(record.get(place)?).ok()?.trim();
        (!cell.is_empty()).then_some(cell)
    }
}
