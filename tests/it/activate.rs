//! `POST /activate`.

use keystead_tests::TestApp;

#[tokio::test]
async fn a_machine_that_activates_gets_a_token_and_a_seat() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(3).with("variant", "pro").create().await;
    let (answer, usage) = app.machine("a").activate_with(&license, serde_json::json!({})).await;
    let body = answer.expect(200);
    assert_eq!(body["machinesUsed"], 1);
    assert_eq!((usage.calls, usage.rounds), (3, 2), "{usage:?}");
    assert_eq!((usage.read_units, usage.write_units), (2.0, 5.0), "{usage:?}");
}
