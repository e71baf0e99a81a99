//! The flat API: `/activate`, `/createLicense` and the rest, for client applications, admin scripts and tools.

pub mod activation;
pub mod api_key;
pub mod audit;
pub mod code;
use crate::frame::{function::functions, mail::ses};

pub(crate) mod face;
pub mod health;
pub mod license;
pub mod member;
pub mod product;
pub mod signing_key;
pub mod variant;
pub mod webhook;
pub(crate) mod wire;

functions! {
    ACTIVATE = activation::Activate;
    VALIDATE = activation::Validate;
    VERIFY = license::Verify;
    DEACTIVATE = activation::Deactivate;
    HEARTBEAT = activation::Heartbeat;
    LIST_MACHINES = activation::ListMachines;
    MOVE_LICENSE = activation::MoveLicense;
    GET_SIGNING_KEY = signing_key::GetSigningKey;
    JWKS = signing_key::Jwks;
    CREATE_LICENSE = license::CreateLicense;
    GET_LICENSE = license::GetLicense;
    LIST_LICENSES = license::ListLicenses;
    UPDATE_LICENSE = license::UpdateLicense;
    REVOKE_LICENSE = license::RevokeLicense;
    REINSTATE_LICENSE = license::ReinstateLicense;
    RESOLVE_LICENSE = license::ResolveLicense;
    RESET_ACTIVATIONS = license::ResetActivations;
    REISSUE_LICENSE = license::ReissueLicense, mailing(ses);
    RESEND_LICENSE = license::ResendLicense, mailing(ses);
    CREATE_PRODUCT = product::CreateProduct;
    LIST_PRODUCTS = product::ListProducts;
    UPDATE_PRODUCT = product::UpdateProduct;
    CREATE_VARIANT = variant::CreateVariant;
    LIST_VARIANTS = variant::ListVariants;
    UPDATE_VARIANT = variant::UpdateVariant;
    CREATE_DISCOUNT_CODE = code::CreateDiscountCode;
    LIST_DISCOUNT_CODES = code::ListDiscountCodes;
    UPDATE_DISCOUNT_CODE = code::UpdateDiscountCode;
    DELETE_DISCOUNT_CODE = code::DeleteDiscountCode;
    CREATE_TRIAL_CODE = code::CreateTrialCode;
    LIST_TRIAL_CODES = code::ListTrialCodes;
    UPDATE_TRIAL_CODE = code::UpdateTrialCode;
    DELETE_TRIAL_CODE = code::DeleteTrialCode;
    REDEEM_TRIAL_CODE = code::RedeemTrialCode;
    CREATE_API_KEY = api_key::CreateApiKey;
    LIST_API_KEYS = api_key::ListApiKeys;
    REVOKE_API_KEY = api_key::RevokeApiKey;
    REPLACE_STRIPE_SECRET = api_key::ReplaceStripeSecret;
    LIST_AUDIT_EVENTS = audit::ListAuditEvents;
    ADD_MEMBER = member::AddMember;
    REMOVE_MEMBER = member::RemoveMember;
    CGLOUNGE_WEBHOOK = webhook::CgloungeWebhook;
    STRIPE_WEBHOOK = webhook::StripeWebhook;
    OWNER_STRIPE_WEBHOOK = webhook::OwnerStripeWebhook;
    HEALTH = health::Health;
}
