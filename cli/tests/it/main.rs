//! The command `keystead` as its users have it: the real binary, real sockets, files that stay.

mod command;
mod crash;
mod import;
mod mail;
mod operator;
mod secrecy;
mod secrets;
mod serve;
mod server;
