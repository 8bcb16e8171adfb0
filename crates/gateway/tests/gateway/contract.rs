//! G1.3: what the documents say is what is answered.

use serde_json::{Value, json};
use stentor_auth::Scope;
use stentor_bus::EventType;
use stentor_bus::jobs::JobKind;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Answer, Subject, note};

both_engines!(
    g2_2_no_documented_operation_is_open_to_anybody,
    g1_3_answers_have_the_documented_form,
    g1_3_streams_carry_what_is_documented,
    g1_3_the_page_names_every_operation_and_type,
);

const SOME: &str = "0193a3c1-7a55-7d8e-b1f5-0a4f7ce1d0a2";

async fn document(subject: &Subject, name: &str) -> Value {
    let answer = subject.get(&format!("/api/v1/{name}.json"), None).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Each operation of the document: its path, its method, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        let methods = methods.filter(|(_, operation)| operation.get("responses").is_some());
        methods.map(move |(method, operation)| {
            (path.clone(), method.to_uppercase(), operation.clone())
        })
    });
    operations.collect()
}

/// A path with something for each part that is to be filled in.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.starts_with('{') {
        true => SOME,
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn g2_2_no_documented_operation_is_open_to_anybody(house: House) {
    let subject = Subject::new(&house).await;
    let document = document(&subject, "openapi").await;
    let operations = operations(&document);
    assert!(operations.len() >= 10, "{}", operations.len());
    for (path, method, operation) in operations {
        let open = operation["security"] == json!([{}]);
        let answer = subject.request(&method, &filled(&path), None, "").await;
        let expected = if open { 200 } else { 401 };
        assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
        let documented = &operation["responses"][expected.to_string()];
        assert!(documented.is_object(), "{method} {path}");
    }
}

/// What is wrong with an answer by the document.
fn faults(document: &Value, path: &str, method: &str, answer: &Answer) -> Vec<String> {
    let operation = &document["paths"][path][method];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {answer:?}");
    let content = response["content"].as_object().unwrap();
    let (kind, body) = content.iter().next().unwrap();
    assert!(answer.head.contains(&**kind), "{kind}: {answer:?}");
    let mut schema = body["schema"].clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let json = answer.json();
    let faults = validator.iter_errors(&json);
    faults.map(|fault| fault.to_string()).collect()
}

async fn g1_3_answers_have_the_documented_form(house: House) {
    let subject = Subject::new(&house).await;
    let document = document(&subject, "openapi").await;
    let key = subject
        .key(
            "default",
            &[Scope::NostrRead, Scope::JobsReadAll, Scope::Admin],
        )
        .await;
    subject.store(&[&note("one")]).await;
    let jobs = &subject.jobs;
    let job = jobs.queue(JobKind::Import, "default", "x").await.unwrap();
    let one = format!("/api/v1/jobs/{}", job.id());
    let told = format!("{one}/events");
    subject
        .auth
        .audit()
        .flush(crate::harness::clock())
        .await
        .unwrap();
    let ticket = r#"{"surface":"sse"}"#;
    for (method, documented, path, body) in [
        (
            "get",
            "/api/v1/events/history",
            "/api/v1/events/history",
            "",
        ),
        (
            "get",
            "/api/v1/events/history",
            "/api/v1/events/history?types=x",
            "",
        ),
        ("get", "/api/v1/jobs", "/api/v1/jobs", ""),
        ("get", "/api/v1/jobs/{id}", &one, ""),
        ("get", "/api/v1/jobs/{id}", &filled("/api/v1/jobs/{id}"), ""),
        ("get", "/api/v1/jobs/{id}/events", &told, ""),
        ("get", "/api/v1/audit", "/api/v1/audit", ""),
        ("get", "/api/v1/audit", "/api/v1/audit?limit=x", ""),
        ("get", "/api/v1/jobs", "/api/v1/jobs?limit=x", ""),
        ("get", "/api/v1/jobs/{id}", "/api/v1/jobs/nonsense", ""),
        ("post", "/api/v1/tickets", "/api/v1/tickets", ticket),
        ("post", "/api/v1/tickets", "/api/v1/tickets", "nonsense"),
        ("post", "/api/v1/tokens", "/api/v1/tokens", ""),
        ("delete", "/api/v1/tokens", "/api/v1/tokens", ""),
        (
            "get",
            "/.well-known/jwks.json",
            "/.well-known/jwks.json",
            "",
        ),
    ] {
        let verb = method.to_uppercase();
        let answer = subject.request(&verb, path, Some(&key), body).await;
        let faults = faults(&document, documented, method, &answer);
        assert!(faults.is_empty(), "{method} {path}: {faults:?}\n{answer:?}");
    }
    let page = subject.get(&told, Some(&key)).await.json();
    assert_eq!(page["events"][0]["type"], "job.queued", "and has something");
}

async fn g1_3_streams_carry_what_is_documented(house: House) {
    let subject = Subject::new(&house).await;
    let document = document(&subject, "asyncapi").await;
    let messages = &document["components"]["messages"];
    for one in EventType::ALL {
        assert!(messages[one.name()].is_object(), "{}", one.name());
    }
    let all = [Scope::NostrRead, Scope::JobsReadAll];
    let key = subject.key("default", &all).await;
    let stream = subject.stream("/api/v1/events", Some(&key), None).await;
    let mut stream = stream.opened().await;
    subject.store(&[&note("one")]).await;
    let jobs = &subject.jobs;
    let job = jobs.queue(JobKind::Import, "default", "x").await.unwrap();
    drop(job);
    for _ in 0..3 {
        let envelope = stream.envelope().await;
        let name = envelope["type"].as_str().unwrap();
        let mut schema = messages[name]["payload"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(&envelope)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{envelope}: {faults:?}");
    }
}

async fn g1_3_the_page_names_every_operation_and_type(house: House) {
    let subject = Subject::new(&house).await;
    let page = subject.get("/api/v1/docs", None).await;
    assert_eq!(page.status, 200);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'")
    );
    for (path, ..) in operations(&document(&subject, "openapi").await) {
        assert!(
            page.body.contains(&format!("<code>{path}</code>")),
            "{path}"
        );
    }
    for one in EventType::ALL {
        let name = format!("<code>{}</code>", one.name());
        assert!(page.body.contains(&name), "{name}");
    }
    assert!(!page.body.contains("http://") && !page.body.contains("https://"));
}
