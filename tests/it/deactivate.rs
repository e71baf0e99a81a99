//! `POST /deactivate`.

use keystead_tests::TestApp;

#[tokio::test]
async fn a_released_seat_can_be_taken_by_another_machine() {
    let app = TestApp::start().await;
    let license = app.license().max_machines(1).create().await;
    app.machine("a").activate(&license).await.expect(200);
    let full = "Machine limit reached (1). Deactivate another machine first.";
    app.machine("b").activate(&license).await.expect_error(403, full);
    app.machine("a").deactivate(&license).await.expect(200);
    app.machine("b").activate(&license).await.expect(200);
    app.assert_counters_true(&license).await;
}
