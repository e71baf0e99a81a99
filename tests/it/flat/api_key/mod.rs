//! API keys.

mod create;
mod list;
mod revoke;

use keystead_core::owner::api_key::RawApiKey;
use keystead_tests::Creator;

fn hash(creator: &Creator) -> String {
    let key = RawApiKey::parse(&creator.api_key).expect("a key");
    key.hash().as_str().to_owned()
}
