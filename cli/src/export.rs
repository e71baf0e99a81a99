//! `keystead license export`: licenses as a file.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    client::{Client, given},
    failure::Failure,
    license_file::{Format, Writer},
    output::{self, Style},
    private_file::Draft,
};

/// Which licenses are written where.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Those for one product.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// Those of one customer.
    #[arg(long)]
    email: Option<String>,
    /// active, degraded, suspended, revoked or expired.
    #[arg(long)]
    status: Option<String>,
    /// How the file is written [default: what its name ends with, or csv].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file; `-` is the standard output. One that is there is replaced once the new one is complete.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// As many as the server gives.
const PAGE: u32 = 1000;

/// Runs the command.
///
/// # Errors
/// When the server refuses, fails, or isn't there; when the file can't be written.
pub(crate) fn run(client: &Client, args: &ExportArgs) -> Result<(), Failure> {
    let format = args.format.unwrap_or_else(|| Format::of(&args.output));
    if args.output == Path::new("-") {
        let out = BufWriter::new(io::stdout().lock());
        let written = match export(client, args, format, out, Path::new("the standard output")) {
            // Its reader has seen enough.
            Err(EarlyEnd::Closed) => return Ok(()),
            Err(EarlyEnd::Failed(failure)) => return Err(failure),
            Ok(written) => written,
        };
        output::note(summary(written));
        return Ok(());
    }
    let file = |error: io::Error| Failure::file(&args.output, &error);
    let draft = Draft::new(&args.output).map_err(file)?;
    let written = match export(client, args, format, BufWriter::new(&draft), &args.output) {
        Err(EarlyEnd::Closed) => return Err(file(io::ErrorKind::BrokenPipe.into())),
        Err(EarlyEnd::Failed(failure)) => return Err(failure),
        Ok(written) => written,
    };
    draft.keep().map_err(file)?;
    if client.style == Style::Json {
        output::print(json!({ "exported": written }))
    } else {
        output::print(summary(written))
    }
}

/// What ends an export early.
enum EarlyEnd {
    /// Nobody reads the output any more.
    Closed,
    Failed(Failure),
}

fn summary(written: u64) -> String {
    format!("exported {}", output::count(written, "license"))
}

fn export(client: &Client, args: &ExportArgs, format: Format, out: impl Write, path: &Path) -> Result<u64, EarlyEnd> {
    let file = |error: io::Error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            EarlyEnd::Closed
        } else {
            EarlyEnd::Failed(Failure::file(path, &error))
        }
    };
    let progress = output::progress(None);
    let mut writer = Writer::new(out, format).map_err(file)?;
    let mut cursor = Value::Null;
    let mut written = 0;
    loop {
        let page = given(json!({
            "productId": args.product,
            "email": args.email,
            "status": args.status,
            "limit": PAGE,
            "cursor": cursor,
        }));
        let mut answer = client.read("listLicenses", page).map_err(EarlyEnd::Failed)?;
        for license in answer.body["licenses"].as_array().into_iter().flatten() {
            writer.write(license).map_err(file)?;
            written += 1;
        }
        progress.set_position(written);
        let next = answer.body["nextCursor"].take();
        if next.is_null() {
            break;
        }
        if next == cursor {
            let text = "the server repeats a page of the list; the export would never end";
            return Err(EarlyEnd::Failed(Failure::Local(text.to_owned())));
        }
        cursor = next;
    }
    writer.flush().map_err(file)?;
    progress.finish_and_clear();
    Ok(written)
}
