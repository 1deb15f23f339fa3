//! Tests of the user's files that the server opens, counted by the kernel.

use std::path::Path;

use inotify::{EventMask, Inotify, WatchMask};

use super::client::{Client, codes};
use super::{DIGITS, editor};

/// Counts openings of two files since the last call.
struct Openings {
    watch: Inotify,
    buffer: Vec<u8>,
}

impl Openings {
    fn of(folder: &Path) -> Openings {
        let watch = Inotify::init().unwrap();
        for file in ["model.onnx", "calib.npz"] {
            watch.watches().add(folder.join(file), WatchMask::OPEN).unwrap();
        }
        Openings { watch, buffer: vec![0; 4096] }
    }

    fn count(&mut self) -> usize {
        let mut count = 0;
        // Reading from an empty queue is an error, which ends the loop.
        while let Ok(events) = self.watch.read_events(&mut self.buffer) {
            count += events.filter(|event| event.mask.contains(EventMask::OPEN)).count();
        }
        count
    }
}

#[test]
fn an_edit_of_the_text_opens_no_file() {
    let mut client = Client::with(editor());
    // The server does not trust the time stamp of a file that was written just now.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut openings = Openings::of(client.folder.path());
    client.open(DIGITS);
    client.published(|d| codes(d) == ["E002"]);
    // The model is read for its digest and graph, the samples for their digest and again as tensors.
    assert!(openings.count() <= 3);

    client.change(2, &format!("# a comment\n{DIGITS}"));
    client.published(|d| codes(d) == ["E002"] && d[0]["range"]["start"]["line"] == 4);
    client.change(3, &DIGITS.replace("\"3%\"", "\"90%\""));
    client.published(|d| d.is_empty());
    client.change(4, &DIGITS.replace("\"/down/down.0/Conv\" = \"int16\"", "\"/classifier/Gemm\" = \"int16\""));
    client.published(|d| !d.is_empty());
    assert_eq!(openings.count(), 0);
}
