//! The dashboard API: `/v1/...`, by which teams and back ends manage what they sell.
//!
//! Its functions are families of routes: one binary serves a family.

pub mod api_key;
pub mod auth;
pub mod blacklist;
mod deleted;
pub(crate) mod face;
pub mod invite;
pub mod license;
pub mod member;
pub mod operator;
pub mod organisation;
mod page;
mod person;
mod policy;
pub mod product;
pub mod product_api;
mod role;
pub mod session;
pub mod status;

use crate::frame::{function::families, mail::ses};

families! {
    AUTH "v1-auth" = [
        auth::V1Register,
        auth::V1Verify,
        auth::V1ForgotPassword,
        auth::V1ResetPassword,
    ], mailing(ses);
    LOGINS "v1-logins" = [
        auth::V1Login,
        auth::V1Refresh,
        auth::V1Logout,
        auth::V1Sessions,
        auth::V1RevokeSession,
        auth::V1RevokeSessions,
        auth::V1Me,
    ];
    ORGANISATIONS "v1-organisations" = [
        organisation::V1ListOrganisations,
        organisation::V1CreateOrganisation,
        organisation::V1GetOrganisation,
        organisation::V1UpdateOrganisation,
        organisation::V1DeleteOrganisation,
        member::V1ListMembers,
        member::V1UpdateMember,
        member::V1RemoveMember,
        member::V1TransferOwnership,
    ];
    INVITES "v1-invites" = [
        invite::V1CreateInvite,
        invite::V1ListInvites,
        invite::V1RevokeInvite,
        invite::V1ResendInvite,
        invite::V1PreviewInvite,
        invite::V1AcceptInvite,
    ], mailing(ses);
    PRODUCTS "v1-products" = [
        product::V1CreateProduct,
        product::V1GetProduct,
        product::V1UpdateProduct,
        product::V1DeleteProduct,
        product::V1ListProducts,
        product::V1AddProduct,
        product::V1RemoveProduct,
    ];
    API_KEYS "v1-api-keys" = [
        api_key::V1CreateApiKey,
        api_key::V1ListApiKeys,
        api_key::V1UpdateApiKey,
        api_key::V1DeleteApiKey,
        api_key::V1RotateApiKey,
        api_key::V1RevokeApiKey,
    ];
    PRODUCT_API "v1-product-api" = [
        status::V1Status,
        product_api::V1Whoami,
        product_api::V1GetOwnProduct,
        product_api::V1UpdateOwnProduct,
        product_api::V1ListOwnApiKeys,
    ];
    OPERATOR "v1-operator" = [
        operator::V1OperatorCreateProduct,
        operator::V1OperatorCreateApiKey,
    ];
    BLACKLISTS "v1-blacklists" = [
        blacklist::V1ListBlacklist,
        blacklist::V1PutBlacklistEntry,
        blacklist::V1PutBlacklistEntries,
        blacklist::V1DeleteBlacklistEntry,
    ];
    PRODUCT_BLACKLIST "v1-product-blacklist" = [
        blacklist::V1ListOwnBlacklist,
        blacklist::V1PutOwnBlacklistEntry,
        blacklist::V1PutOwnBlacklistEntries,
        blacklist::V1DeleteOwnBlacklistEntry,
    ];
    LICENSES "v1-licenses" = [
        license::V1ListLicenses,
        license::V1ListExpiringLicenses,
        license::V1ListAllLicenses,
        license::V1CreateLicenses,
        license::V1DeleteLicenses,
        license::V1ImportLicenses,
        license::V1RedeemLicense,
    ];
    LICENSE_REPORTS "v1-license-reports" = [
        license::V1CountLicenses,
        license::V1ExportLicenses,
    ];
    LICENSE_CHANGES "v1-license-changes" = [
        license::V1FreezeLicenses,
        license::V1UnfreezeLicenses,
        license::V1RevokeLicenses,
        license::V1UnrevokeLicenses,
        license::V1ExtendLicenses,
    ];
    LICENSE "v1-license" = [
        license::V1GetLicense,
        license::V1UpdateLicense,
        license::V1RevokeLicense,
        license::V1UnrevokeLicense,
        license::V1ResetHwid,
        license::V1ResetIp,
        session::V1ListLicenseSessions,
        session::V1RevokeLicenseSession,
        session::V1RevokeLicenseSessions,
    ];
    PRODUCT_LICENSES "v1-product-licenses" = [
        license::V1ListOwnLicenses,
        license::V1CreateOwnLicenses,
    ];
    PRODUCT_LICENSE "v1-product-license" = [
        license::V1GetOwnLicense,
        license::V1UpdateOwnLicense,
        license::V1DeleteOwnLicense,
        license::V1RevokeOwnLicense,
        license::V1UnrevokeOwnLicense,
        license::V1FreezeOwnLicense,
        license::V1UnfreezeOwnLicense,
        license::V1ExtendOwnLicense,
        license::V1ResetOwnHwid,
        license::V1ResetOwnIp,
        session::V1ListOwnLicenseSessions,
        session::V1RevokeOwnLicenseSession,
        session::V1RevokeOwnLicenseSessions,
    ];
    AUTHORIZE "v1-authorize" = [license::V1Authorize];
}
