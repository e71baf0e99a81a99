//! The command `keystead`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keystead::serve::{self, ServeArgs};

/// A request allocates a few hundred small things on the way through SDK and engine; this takes less time for them than
/// the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Software licensing that a vendor hosts: seats, trials, tokens that work offline.
#[derive(Parser)]
#[command(name = "keystead", version, about)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the whole API in one process, over an embedded DynamoDB. The default.
    Serve(ServeArgs),
}

fn main() -> ExitCode {
    let command = Args::parse()
        .command
        .unwrap_or_else(|| Command::Serve(ServeArgs::default()));
    let outcome = match command {
        Command::Serve(args) => serve::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keystead: {error}");
            ExitCode::FAILURE
        }
    }
}
