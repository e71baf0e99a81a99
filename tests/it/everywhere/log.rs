//! A request's line in the log: docs/LOGGING.md.

use keystead_tests::TestApp;
use serde_json::Value;

/// The names of a line's fields, as they stand in it.
fn names(line: &str) -> Vec<&str> {
    let line = line.trim_start_matches('{').trim_end_matches('}');
    let names = line.split(",\"").filter_map(|field| field.split("\":").next());
    names.map(|name| name.trim_matches('"')).collect()
}

#[tokio::test]
async fn a_line_has_its_fields_in_one_order_and_says_a_tenth_of_a_millisecond() {
    let app = TestApp::start().await;
    app.stranger().get("/health").await.expect(200);
    app.stranger().get("/listLicenses").await.expect(401);
    let log = app.cx.log.written();
    let [.., good, refused] = log.lines().collect::<Vec<_>>()[..] else {
        panic!("two requests leave two lines: {log}");
    };
    let always = "time level requestId route method status millis dynamodbCalls";
    assert_eq!(names(good).join(" "), always);
    assert_eq!(names(refused).join(" "), format!("{always} code"));
    for line in [good, refused] {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let tenths = line["millis"].as_f64().expect("a number") * 10.0;
        assert!((tenths - tenths.round()).abs() < 1e-6, "{line}");
        assert_eq!(line["time"], app.now().to_string());
    }
}
