//! The records of a file: one or more of its lines each, whatever its lines end with.

use std::io::{self, BufRead};

use crate::failure::Failure;

/// The longest record that is read, in bytes. A quotation mark without a partner would take the rest of the file in.
const LONGEST: usize = 1024 * 1024;

/// A file's lines, and its records.
pub(super) struct Records<R> {
    input: R,
    /// The number of the line that was read last, from 1.
    number: u64,
}

/// A record.
#[derive(Debug)]
pub(super) struct Record {
    /// The number of its first line, from 1.
    pub(super) number: u64,
    /// What it holds, without the end of its last line. Lines within it end with a line feed.
    pub(super) bytes: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read, or is in another encoding.
    pub(super) fn line(&mut self) -> Result<Option<Record>, Failure> {
        loop {
            match self.any_line()? {
                None => return Ok(None),
                Some(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => {}
                Some(bytes) => {
                    return Ok(Some(Record {
                        number: self.number,
                        bytes,
                    }));
                }
            }
        }
    }

    /// The next record whose cells are between these separators, and may hold ends of lines in quotation marks; `None` at
    /// the end.
    ///
    /// # Errors
    /// When the file can't be read, and when a quotation mark has no partner.
    pub(super) fn next(&mut self, separator: u8) -> Result<Option<Record>, Failure> {
        let Some(first) = self.line()? else { return Ok(None) };
        self.complete(first, separator).map(Some)
    }

    /// The record that begins with this line.
    ///
    /// # Errors
    /// As those of [`Records::next`].
    pub(super) fn complete(&mut self, first: Record, separator: u8) -> Result<Record, Failure> {
        let mut record = first;
        let mut place = Place::Start;
        place.pass(&record.bytes, separator);
        while matches!(place, Place::Quoted) {
            let next = if record.bytes.len() > LONGEST {
                None
            } else {
                self.any_line()?
            };
            let Some(next) = next else {
                return Err(Failure::Local(format!(
                    "line {}: a quotation mark has no partner",
                    record.number
                )));
            };
            record.bytes.push(b'\n');
            record.bytes.extend(&next);
            place.pass(&next, separator);
        }
        Ok(record)
    }

    /// The next line, without its end: CR, LF or both.
    fn any_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let line = self
            .bytes_of_line()
            .map_err(|error| Failure::Local(error.to_string()))?;
        let Some(mut line) = line else { return Ok(None) };
        self.number += 1;
        if self.number == 1 {
            if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
                return Err(Failure::Local("the file is in UTF-16; save it in UTF-8".to_owned()));
            }
            // Spreadsheets begin a file with the mark of UTF-8.
            if line.starts_with(b"\xef\xbb\xbf") {
                line.drain(..3);
            }
        }
        Ok(Some(line))
    }

    fn bytes_of_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut is_there = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(is_there.then_some(line));
            }
            is_there = true;
            let Some(end) = buffer.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
                line.extend(buffer);
                let read = buffer.len();
                self.input.consume(read);
                continue;
            };
            line.extend(&buffer[..end]);
            let is_return = buffer[end] == b'\r';
            self.input.consume(end + 1);
            if is_return && self.input.fill_buf()?.first() == Some(&b'\n') {
                self.input.consume(1);
            }
            return Ok(Some(line));
        }
    }
}

/// Where in a record a byte is, as far as quotation marks go. As the `csv` crate has it, which reads the record then.
enum Place {
    /// At the first byte of a cell.
    Start,
    /// In a cell without quotation marks, or after them.
    Plain,
    /// Between quotation marks.
    Quoted,
    /// After a quotation mark that is the last, unless another follows.
    Closing,
}

impl Place {
    fn pass(&mut self, line: &[u8], separator: u8) {
        for byte in line {
            *self = match (&self, *byte) {
                (Self::Start | Self::Closing, b'"') => Self::Quoted,
                (Self::Quoted, b'"') => Self::Closing,
                (Self::Quoted, _) => Self::Quoted,
                (Self::Start | Self::Plain | Self::Closing, byte) if byte == separator => Self::Start,
                (Self::Start | Self::Plain | Self::Closing, _) => Self::Plain,
            };
        }
    }
}

/// The cells of a record.
pub(super) fn cells(record: &[u8], separator: u8) -> Result<csv::ByteRecord, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .buffer_capacity(record.len().max(1))
        .from_reader(record);
    let mut cells = csv::ByteRecord::new();
    reader.read_byte_record(&mut cells).map_err(|error| error.to_string())?;
    Ok(cells)
}

/// What separates the cells of a file, by its first line: the one of comma, semicolon and tab that is there most often
/// outside of quotation marks.
pub(super) fn separator(header: &[u8]) -> u8 {
    let mut is_quoted = false;
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0)];
    for byte in header {
        is_quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(candidate, _)| candidate == byte && !is_quoted) {
            *count += 1;
        }
    }
    // The first of those that are there as often.
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(separator, _)| separator)
}
