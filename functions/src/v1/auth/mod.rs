//! Accounts, as `/v1` has them: who signs in gets tokens, and no cookie.

mod forgot_password;
mod login;
mod logout;
mod me;
mod new_password;
mod refresh;
mod register;
mod reset_password;
mod revoke_session;
mod revoke_sessions;
mod sessions;
mod tokens;
mod verify;
mod view;

pub use forgot_password::V1ForgotPassword;
pub use login::V1Login;
pub use logout::V1Logout;
pub use me::V1Me;
pub use refresh::V1Refresh;
pub use register::V1Register;
pub use reset_password::V1ResetPassword;
pub use revoke_session::V1RevokeSession;
pub use revoke_sessions::V1RevokeSessions;
pub use sessions::V1Sessions;
pub use verify::V1Verify;
