//! The command `keystead`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use keystead::{
    api_key::{self, ApiKeyArgs},
    audit::{self, AuditArgs},
    code::{self, CodeArgs},
    failure::{EXIT_CODES, Failure},
    keys::{self, KeysArgs},
    license::{self, LicenseArgs},
    machine::{self, MachineArgs},
    member::{self, MemberArgs},
    product::{self, ProductArgs},
    secrets::{self, SecretsArgs},
    serve::{self, ServeArgs},
};

/// A request allocates a few hundred small things on the way through SDK and engine; this takes less time for them than
/// the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Software licensing that a vendor hosts: seats, trials, tokens that work offline.
#[derive(Parser)]
#[command(name = "keystead", version, about, after_help = EXIT_CODES)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the whole API in one process, over an embedded DynamoDB. The default.
    Serve(ServeArgs),
    Product(ProductArgs),
    License(LicenseArgs),
    Machine(MachineArgs),
    Code(CodeArgs),
    ApiKey(ApiKeyArgs),
    Audit(AuditArgs),
    Member(MemberArgs),
    Keys(KeysArgs),
    Secrets(SecretsArgs),
    /// Print what makes a shell complete this command's words.
    Completions {
        /// The shell that will read it.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let command = Args::parse()
        .command
        .unwrap_or_else(|| Command::Serve(ServeArgs::default()));
    let outcome = match command {
        Command::Serve(args) => return ended(serve::run(&args), |_| ExitCode::FAILURE),
        Command::Product(args) => product::run(&args),
        Command::License(args) => license::run(&args),
        Command::Machine(args) => machine::run(&args),
        Command::Code(args) => code::run(&args),
        Command::ApiKey(args) => api_key::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Member(args) => member::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Secrets(args) => secrets::run(&args),
        Command::Completions { shell } => completions(shell),
    };
    ended(outcome, Failure::exit_code)
}

fn ended<E: std::fmt::Display>(outcome: Result<(), E>, code: impl FnOnce(&E) -> ExitCode) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keystead: {error}");
            code(&error)
        }
    }
}

fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "keystead", &mut script);
    io::stdout()
        .write_all(&script)
        .map_err(|error| Failure::Local(format!("the standard output: {error}")))
}
