//! The process of one function: started, asked, measured and ended.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use keystead_core::config::variable;
use serde_json::{Value, json};

use crate::{cpu, lambda::Lambda};

/// What a function is told of each of its secrets.
const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bench";

/// How a function is started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program and what it is started with.
    pub command: Vec<PathBuf>,
    /// Another DynamoDB than AWS's.
    pub dynamodb: Dynamodb,
}

/// A DynamoDB that a function uses.
#[derive(Debug, Clone)]
pub struct Dynamodb {
    /// Its address.
    pub url: String,
    /// What it is signed to with.
    pub access_key_id: String,
}

/// What something took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From its beginning to its end.
    pub wall: Duration,
    /// Of the process, all threads, user and kernel.
    pub cpu: Duration,
}

/// A function that waits for events.
pub struct Function<'a> {
    lambda: &'a Lambda,
    child: Child,
    cpu: Duration,
    /// From its start to its first question.
    pub start: Cost,
}

/// A process has come to rest when it has used no CPU time for so long; and is believed to have after so long.
const REST: Duration = Duration::from_millis(1);
const RESTLESS: Duration = Duration::from_millis(100);

impl<'a> Function<'a> {
    /// Starts a process, and waits until it asks for an event. What it prints goes to `output`.
    ///
    /// # Errors
    /// A sentence, when it does not get there.
    pub fn start(program: &Program, lambda: &'a Lambda, output: &Path) -> Result<Self, String> {
        let [path, args @ ..] = program.command.as_slice() else {
            return Err("There is no program.".to_owned());
        };
        let name = path.display();
        let failed = |error: std::io::Error| format!("Cannot start {name}: {error}.");
        let out = File::create(output).map_err(failed)?;
        let mut command = Command::new(path);
        command
            .args(args)
            .env_clear()
            .envs(environment(lambda, &program.dynamodb))
            .stdin(Stdio::null())
            .stdout(out.try_clone().map_err(failed)?)
            .stderr(out);
        let began = Instant::now();
        let child = command.spawn().map_err(failed)?;
        let mut function = Self {
            lambda,
            child,
            cpu: Duration::ZERO,
            start: Cost {
                wall: Duration::ZERO,
                cpu: Duration::ZERO,
            },
        };
        let asked = lambda.until_it_asks()?;
        function.start = function.cost(began, asked)?;
        Ok(function)
    }

    /// Has it answer an event: what that took, until the answer was there; and the answer, which must be a good one.
    /// Its CPU time is that until it has asked for the next.
    ///
    /// # Errors
    /// A sentence, when there is no good answer.
    pub fn answer(&mut self, event: &[u8]) -> Result<(Cost, Value), String> {
        let began = self.lambda.invoke(event);
        let (answered, answer) = self.lambda.until_it_answers()?;
        self.lambda.until_it_asks()?;
        let cost = self.cost(began, answered)?;
        let answer: Value =
            serde_json::from_slice(&answer).map_err(|error| format!("Its answer is not JSON: {error}."))?;
        if answer["statusCode"] != 200 {
            return Err(format!("It answered {answer}."));
        }
        Ok((cost, answer))
    }

    fn cost(&mut self, began: Instant, ended: Instant) -> Result<Cost, String> {
        let pid = self.child.id();
        let mut used = cpu::time_of(pid)?;
        let rested = Instant::now() + RESTLESS;
        while Instant::now() < rested {
            thread::sleep(REST);
            let now = cpu::time_of(pid)?;
            if now == used {
                break;
            }
            used = now;
        }
        let before = std::mem::replace(&mut self.cpu, used);
        Ok(Cost {
            wall: ended - began,
            cpu: used.saturating_sub(before),
        })
    }

    /// Asks it to end, which lets a program around it say what it saw.
    ///
    /// # Errors
    /// A sentence, when it can't be asked.
    pub fn terminate(mut self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("Cannot end it: {error}.");
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().map_err(failed)?;
        self.child.wait().map_err(failed)?;
        Ok(())
    }
}

impl Drop for Function<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Lambda sets, and what the template does; and where the other services are.
fn environment(lambda: &Lambda, dynamodb: &Dynamodb) -> Vec<(&'static str, String)> {
    let address = lambda.address;
    let given = |name, value: &str| (name, value.to_owned());
    vec![
        given("AWS_ACCESS_KEY_ID", &dynamodb.access_key_id),
        given("AWS_DEFAULT_REGION", "us-east-1"),
        given("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        given("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        given("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        given("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        given("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        given("AWS_LAMBDA_LOG_GROUP_NAME", "/keystead/bench/functions"),
        given("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_LAMBDA_RUNTIME_API", address.to_string()),
        given("AWS_REGION", "us-east-1"),
        given("AWS_SECRET_ACCESS_KEY", "local"),
        given("AWS_SESSION_TOKEN", "local"),
        given("KEYSTEAD_DYNAMODB_ENDPOINT", &dynamodb.url),
        given("KEYSTEAD_MAIL_FROM", "bench@example.com"),
        given("KEYSTEAD_ACCOUNTS_SECRET_ARN", SECRET_ARN),
        given("KEYSTEAD_CREDENTIALS_SECRET_ARN", SECRET_ARN),
        ("KEYSTEAD_SECRETS_MANAGER_ENDPOINT", format!("http://{address}/")),
        given("KEYSTEAD_SIGNING_SECRET_ARN", SECRET_ARN),
        given("KEYSTEAD_TABLE_PREFIX", "keystead-"),
        given("LAMBDA_TASK_ROOT", "/var/task"),
        given("LANG", "en_US.UTF-8"),
        ("PATH", variable("PATH").unwrap_or_default()),
        given("TZ", ":UTC"),
        given("_HANDLER", "bootstrap"),
    ]
}

/// A request as API Gateway hands it to a function.
pub fn event(path: &str, body: &Value) -> Vec<u8> {
    let route = format!("ANY {path}");
    let event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-type": "application/json",
            "host": "api.execute-api.us-east-1.amazonaws.com",
            "user-agent": "bench",
            "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "bench",
            },
            "requestId": "request",
            "routeKey": route,
            "stage": "$default",
            "time": "01/Jan/2030:00:00:00 +0000",
            "timeEpoch": 1_893_456_000_000_u64,
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    });
    event.to_string().into_bytes()
}
