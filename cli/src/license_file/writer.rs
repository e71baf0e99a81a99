//! Files of licenses that can be imported again.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Format, column::Column, json};

/// Writes licenses, as `/listLicenses` has them, to a file that can be imported again.
pub(crate) enum Writer<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it can't be written to.
    pub(crate) fn new(out: W, format: Format) -> io::Result<Self> {
        match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(Column::ALL.map(Column::name))?;
                Ok(Self::Csv(Box::new(writer)))
            }
            Format::Ndjson => Ok(Self::Ndjson(out)),
        }
    }

    /// Writes one license.
    ///
    /// # Errors
    /// When the file can't be written to.
    pub(crate) fn write(&mut self, license: &Value) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                let cells = Column::ALL.map(|column| json::cell_of(license, column));
                Ok(writer.write_record(cells)?)
            }
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, &ExportRow(license))?;
                out.write_all(b"\n")
            }
        }
    }

    /// Writes what has not been written yet.
    ///
    /// # Errors
    /// When the file can't be written to.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Ndjson(out) => out.flush(),
        }
    }
}

/// A license with the columns of an export, in their order.
struct ExportRow<'a>(&'a Value);

impl Serialize for ExportRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Column::ALL
            .into_iter()
            .map(|column| (column.name(), &self.0[column.field()]));
        serializer.collect_map(fields.filter(|(_, value)| !value.is_null()))
    }
}
