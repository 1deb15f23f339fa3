//! Tests of the end of a session.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::{DIGITS, editor, many_samples};

#[test]
fn shutdown_then_exit_ends_with_0_and_exit_alone_with_1() {
    let mut client = Client::with(editor());
    client.open(DIGITS);
    assert_eq!(client.request("shutdown", Value::Null), Ok(Value::Null));
    assert_eq!(client.request("textDocument/hover", json!({})).unwrap_err()["code"], -32600);
    client.notify("exit", Value::Null);
    assert_eq!(client.ended(), Some(0));

    let mut client = Client::with(editor());
    client.notify("exit", Value::Null);
    assert_eq!(client.ended(), Some(1));
}

#[test]
fn the_server_does_not_outlive_its_client() {
    let mut client = Client::with(editor());
    many_samples(client.folder.path(), 60_000);
    client.open(&DIGITS.replace("data = \"calib.npz\"", "data = \"many.npy\"\nsamples = 60000"));
    std::thread::sleep(Duration::from_millis(300));
    client.hang_up();
    assert_eq!(client.ended(), Some(1));
}

#[test]
fn requests_right_before_exit_are_answered() {
    let mut client = Client::start();
    let initialize = client.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} }));
    let shutdown = client.ask("shutdown", Value::Null);
    client.notify("exit", Value::Null);
    assert!(client.answer(initialize).is_ok());
    assert_eq!(client.answer(shutdown), Ok(Value::Null));
    assert_eq!(client.ended(), Some(0));
}
