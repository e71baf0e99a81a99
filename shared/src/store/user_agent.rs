//! What calls to DynamoDB say of who makes them.

use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut},
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::interceptors::disable_interceptor;

/// As an audit log shows it.
const KEYSTEAD: &str = concat!("keystead/", env!("CARGO_PKG_VERSION"));

/// Has calls name Keystead and its version instead of what the SDK knows of itself and the machine, which takes it a
/// twentieth of a function's start, and as much again for every call.
#[derive(Debug)]
pub(super) struct UserAgent;

impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "UserAgent"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let own = disable_interceptor::<UserAgentInterceptor>("calls name Keystead");
        config.interceptor_state().store_put(own);
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert("user-agent", KEYSTEAD);
        Ok(())
    }
}
