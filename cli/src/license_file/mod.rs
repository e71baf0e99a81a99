//! The files that licenses are imported from and exported to: CSV, and NDJSON (a JSON object on each line).

mod column;
mod json;
mod mapping;
mod preset;
mod records;
mod row;
#[cfg(test)]
mod tests;
mod writer;

use std::{io::BufRead, path::Path};

use clap::ValueEnum;

use crate::failure::Failure;

pub(crate) use column::Column;
pub(crate) use mapping::{Mapping, REFUSED_BECAUSE};
pub(crate) use preset::Preset;
pub(crate) use row::{Given, Row};
pub(crate) use writer::Writer;

use mapping::Layout;
use records::{Record, Records};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table with a first line that names its columns.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

impl Format {
    /// The format that the end of a file's name tells: CSV, unless it tells another.
    pub(crate) fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if ["ndjson", "jsonl"].iter().any(|json| ending.eq_ignore_ascii_case(json)) {
            Self::Ndjson
        } else {
            Self::Csv
        }
    }
}

/// How a file is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) format: Format,
    /// What separates cells; found by the first line, when `None`.
    pub(crate) separator: Option<u8>,
    /// What its columns are.
    pub(crate) mapping: Mapping,
    /// What all its rows are for.
    pub(crate) given: Given,
}

/// A file of licenses, row by row.
pub(crate) struct LicenseFile<R> {
    records: Records<R>,
    reading: Reading,
    table: Option<Table>,
}

/// What the first line of a CSV file tells of the others.
struct Table {
    separator: u8,
    layout: Layout,
}

/// A row of a file.
#[derive(Debug)]
pub(crate) struct Line {
    /// The number of its first line in the file, from 1.
    pub(crate) number: u64,
    /// Its license, or what is wrong with it.
    pub(crate) row: Result<Row, String>,
    /// What stands in the file.
    pub(crate) written: Written,
}

/// A row as it stands in a file.
#[derive(Debug)]
pub(crate) enum Written {
    /// Its cells.
    Csv(csv::ByteRecord),
    /// Its line.
    Ndjson(Vec<u8>),
}

impl<R: BufRead> LicenseFile<R> {
    /// Reads as far as the names of the columns.
    ///
    /// # Errors
    /// When the file can't be read, or its columns can't be those of licenses.
    pub(crate) fn open(input: R, reading: Reading) -> Result<Self, Failure> {
        let mut file = Self {
            records: Records::new(input),
            reading,
            table: None,
        };
        if file.reading.format == Format::Csv {
            file.table = Some(file.table()?);
        }
        Ok(file)
    }

    fn table(&mut self) -> Result<Table, Failure> {
        let empty = || Failure::Local("the file is empty".to_owned());
        let mut first = self.records.line()?.ok_or_else(empty)?;
        let mut named = self.reading.separator;
        // A hint that Excel writes and reads.
        if let [b's', b'e', b'p', b'=', separator] = first.bytes[..] {
            named.get_or_insert(separator);
            first = self.records.line()?.ok_or_else(empty)?;
        }
        let separator = named.unwrap_or_else(|| records::separator(&first.bytes));
        let header = self.records.complete(first, separator)?;
        let cells = records::cells(&header.bytes, separator).map_err(Failure::Local)?;
        let names = cells.iter().map(|name| String::from_utf8(name.to_vec()));
        let names: Vec<String> = names
            .collect::<Result<_, _>>()
            .map_err(|_| Failure::Local("the first line is not in UTF-8".to_owned()))?;
        let layout = Layout::new(names, &self.reading.mapping, &self.reading.given).map_err(Failure::Local)?;
        Ok(Table { separator, layout })
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read, or a quotation mark has no partner.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, Failure> {
        let Reading { mapping, given, .. } = &self.reading;
        let Some(table) = &self.table else {
            let line = self.records.line()?;
            return Ok(line.map(|Record { number, bytes }| Line {
                number,
                row: json::cells(&bytes, mapping, given).and_then(|cells| Row::parse(&cells, given)),
                written: Written::Ndjson(bytes),
            }));
        };
        while let Some(Record { number, bytes }) = self.records.next(table.separator)? {
            let cells = records::cells(&bytes, table.separator).map_err(Failure::Local)?;
            if table.layout.is_total(&cells) {
                continue;
            }
            let row = table.layout.cells(&cells).and_then(|cells| Row::parse(&cells, given));
            return Ok(Some(Line {
                number,
                row,
                written: Written::Csv(cells),
            }));
        }
        Ok(None)
    }

    /// What separates the cells of a CSV file.
    pub(crate) fn separator(&self) -> Option<u8> {
        self.table.as_ref().map(|table| table.separator)
    }

    /// The names of a CSV file's columns.
    pub(crate) fn names(&self) -> &[String] {
        self.table.as_ref().map_or(&[], |table| table.layout.names())
    }

    /// Which of a CSV file's columns are read as what, for people.
    pub(crate) fn told(&self) -> Vec<(String, &'static str)> {
        self.table.as_ref().map(|table| table.layout.told()).unwrap_or_default()
    }
}
