//! Tests of reading back written files, damaged files, packages and encryption.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::chip::Target;

fn text() -> impl Strategy<Value = String> {
    "[ -~äπ]{0,12}"
}

fn data_type() -> impl Strategy<Value = DataType> {
    let types: Vec<DataType> = DataType::ALL.into_iter().filter(|t| t.width().is_some()).collect();
    proptest::sample::select(types)
}

fn tensor() -> impl Strategy<Value = Tensor> {
    let shape = (data_type(), vec(0usize..5, 0..4));
    (text(), text(), shape, vec(any::<i64>(), 0..4)).prop_flat_map(|(name, doc, (data_type, dims), exponents)| {
        let tensor = Tensor { name, doc, data_type, dims, exponents, bytes: Vec::new() };
        let count = tensor.byte_count().expect("small");
        vec(any::<u8>(), count).prop_map(move |bytes| Tensor { bytes, ..tensor.clone() })
    })
}

fn attribute() -> impl Strategy<Value = Attribute> {
    // NaN is unequal to itself.
    let float = || proptest::num::f32::NORMAL | proptest::num::f32::ZERO;
    prop_oneof![
        any::<i64>().prop_map(Attribute::Int),
        float().prop_map(Attribute::Float),
        vec(any::<u8>(), 0..9).prop_map(Attribute::Text),
        vec(any::<i64>(), 0..5).prop_map(Attribute::Ints),
        vec(float(), 0..5).prop_map(Attribute::Floats),
        vec(text(), 0..4).prop_map(Attribute::Texts),
        tensor().prop_map(|t| Attribute::Tensor(Box::new(t))),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let names = (text(), text(), text(), text());
    (names, vec(text(), 0..4), vec(text(), 0..3), vec((text(), attribute()), 0..4)).prop_map(
        |((name, op, domain, doc), inputs, outputs, attributes)| Node {
            name,
            op,
            domain,
            doc,
            inputs,
            outputs,
            attributes,
        },
    )
}

fn value() -> impl Strategy<Value = ValueInfo> {
    let dim = prop_oneof![Just(Dim::Unknown), any::<i64>().prop_map(Dim::Size), text().prop_map(Dim::Named)];
    (text(), text(), proptest::sample::select(&DataType::ALL[..]), option::of(vec(dim, 0..5)), vec(any::<i64>(), 0..3))
        .prop_map(|(name, doc, data_type, dims, exponents)| ValueInfo { name, doc, data_type, dims, exponents })
}

fn graph() -> impl Strategy<Value = Graph> {
    let values = || vec(value(), 0..3);
    let tensors = || vec(tensor(), 0..3);
    ((text(), text()), vec(node(), 0..5), tensors(), (values(), values(), values()), (tensors(), tensors())).prop_map(
        |((name, doc), nodes, initializers, (inputs, outputs, values), (test_inputs, test_outputs))| Graph {
            name,
            doc,
            nodes,
            initializers,
            inputs,
            outputs,
            values,
            test_inputs,
            test_outputs,
        },
    )
}

fn model() -> impl Strategy<Value = Model> {
    let opset = (text(), any::<i64>()).prop_map(|(domain, version)| Opset { domain, version });
    let texts = (text(), text(), text(), text());
    let numbers = (any::<i32>(), any::<i64>());
    (numbers, vec(opset, 0..3), texts, vec((text(), text()), 0..3), graph()).prop_map(
        |((ir_version, version), opsets, (producer, producer_version, domain, doc), metadata, graph)| Model {
            ir_version,
            opsets,
            producer,
            producer_version,
            domain,
            version,
            doc,
            metadata,
            graph,
        },
    )
}

fn what(result: Result<impl std::fmt::Debug>) -> String {
    result.expect_err("should be refused").what().to_string()
}

proptest! {
    #[test]
    fn a_written_model_is_read_back(model in model()) {
        let file = open(&write(&model).unwrap(), None).unwrap();
        prop_assert_eq!(&file.entries[0].model, &model);
        prop_assert_eq!(&file.entries[0].misaligned, &Vec::<String>::new());
    }

    #[test]
    fn a_changed_file_is_read_or_refused(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in option::of(any::<prop::sample::Index>()),
    ) {
        let mut file = write(&example()).unwrap();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.map_or(file.len(), |c| c.index(file.len())));
        if let Ok(opened) = open(&file, None) {
            for entry in opened.entries {
                prop_assert_eq!(&read(&write(&entry.model).unwrap()).unwrap(), &entry.model);
            }
        }
    }

    #[test]
    fn any_bytes_after_a_header_are_read_or_refused(body in vec(any::<u8>(), 0..200)) {
        let _ = open(&header::wrap(&body, None).unwrap(), None);
        let _ = open(&[b"PDL3".as_slice(), &body].concat(), None);
        let _ = open(&[b"PDL2".as_slice(), &body].concat(), None);
    }
}

#[test]
fn the_header_is_edl2_mode_and_length() {
    let file = write(&example()).unwrap();
    let length = u32::try_from(file.len() - 16).unwrap().to_le_bytes();
    assert_eq!(file[..16], [b"EDL2".as_slice(), &[0; 4], &length, &[0; 4]].concat());
}

#[test]
fn weights_are_aligned_to_sixteen_bytes_in_the_file() {
    let file = write(&example()).unwrap();
    let weight: Vec<u8> = (0..48).collect();
    let found: Vec<usize> = (0..file.len() - 48).filter(|&at| file[at..at + 48] == weight).collect();
    assert_eq!(found.len(), 2, "initializer and test input");
    assert!(found.iter().all(|at| at % 16 == 0), "at {found:?}");
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    let file = write(&example()).unwrap();
    for length in 0..file.len() {
        assert!(open(&file[..length], None).is_err(), "{length} bytes");
    }
}

#[test]
fn the_older_header_has_twelve_bytes() {
    let file = write(&example()).unwrap();
    let old = [b"EDL1", &file[4..12], &file[16..]].concat();
    let opened = open(&old, None).unwrap();
    assert_eq!(opened.entries[0].header.edition, Edition::Edl1);
    assert_eq!(opened.entries[0].model, example());
}

#[test]
fn encryption_is_aes_128_in_counter_mode() {
    // NIST SP 800-38A, F.5.1, key; the counter block is ESP-DL's, the stream checked with `cryptography` 45.
    let key = [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];
    let stream = header::crypt(&[0; 20], &key);
    assert_eq!(stream, STREAM);
}

#[test]
fn an_encrypted_model_opens_only_with_its_key() {
    let key = [7; 16];
    let file = write_encrypted(&example(), &key).unwrap();
    assert_eq!(open(&file, Some(&key)).unwrap().entries[0].model, example());
    assert_eq!(what(open(&file, None)), "the model is encrypted with AES-128");
    assert!(what(open(&file, Some(&[8; 16]))).starts_with("the key does not decrypt the model"));
}

#[test]
fn a_file_of_another_format_is_named() {
    assert_eq!(
        what(open(b"version https://git-lfs.github.com/spec/v1", None)),
        "this is a Git LFS pointer instead of an ESP-DL file"
    );
    assert_eq!(what(open(b"", None)), "not an ESP-DL file: it starts with \"\" instead of EDL1 or EDL2");
}

#[test]
fn a_tensor_has_the_bytes_that_its_dims_say() {
    let mut model = example();
    model.graph.initializers[0].dims = vec![50];
    assert_eq!(what(write(&model)), "tensor w holds 48 bytes where [50] of int8 needs 50");
}

#[test]
fn a_package_holds_models_by_name() {
    let model = write(&example()).unwrap();
    let file = open(&pdl3("v1.2", &[("a.espdl", &model), ("b.espdl", &model)]), None).unwrap();
    let package = Package { format: "PDL3", version: Some("v1.2".into()), digest: Some(Digest::Right) };
    assert_eq!(file.package, Some(package));
    assert_eq!(file.entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["a.espdl", "b.espdl"]);
    assert!(file.entries.iter().all(|e| e.model == example()));
}

#[test]
fn a_changed_package_fails_the_digest_check() {
    let model = write(&example()).unwrap();
    let mut file = pdl3("v1.2", &[("a.espdl", &model)]);
    file[4] = b'w';
    assert_eq!(open(&file, None).unwrap().package.unwrap().digest, Some(Digest::Wrong));
}

#[test]
fn a_package_cannot_hold_one_model_twice_over() {
    let model = write(&example()).unwrap();
    let mut file = pdl3("v1", &[("a", &model), ("b", &model)]);
    file.copy_within(60..64, 72);
    file.truncate(file.len() - model.len());
    assert!(what(open(&file, None)).contains("declares"));
    let size = u32::try_from(file.len()).unwrap();
    file[20..24].copy_from_slice(&size.to_le_bytes());
    assert!(what(open(&file, None)).starts_with("the package's models overlap: model b"));
}

fn pdl3(version: &str, models: &[(&str, &[u8])]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let word = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let names = 60 + models.len() * 12;
    let mut name_at = names;
    let mut data_at = (names + models.iter().map(|m| m.0.len()).sum::<usize>()).next_multiple_of(16);
    let mut entries = Vec::new();
    let mut name_bytes: Vec<u8> = Vec::new();
    let mut data = Vec::new();
    for (name, bytes) in models {
        entries.extend([word(data_at), word(name_at), word(name.len())].concat());
        name_at += name.len();
        name_bytes.extend(name.as_bytes());
        data.extend_from_slice(bytes);
        data.resize(data.len().next_multiple_of(16), 0);
        data_at += bytes.len().next_multiple_of(16);
    }
    let mut file = [b"PDL3".as_slice(), version.as_bytes()].concat();
    file.resize(60, 0);
    file[56..60].copy_from_slice(&word(models.len()));
    file.extend(entries);
    file.extend(name_bytes);
    file.resize(file.len().next_multiple_of(16), 0);
    file.extend(data);
    let size = word(file.len());
    file[20..24].copy_from_slice(&size);
    let digest = Sha256::digest(&file);
    file[24..56].copy_from_slice(&digest);
    file
}

const STREAM: [u8; 20] = [
    0xc8, 0x4a, 0xf0, 0xb6, 0x13, 0x43, 0x5d, 0x5d, 0x91, 0x82, 0x80, 0x1a, 0x9b, 0xd9, 0x32, 0x0b, 0x2b, 0x2c, 0xd0,
    0xed,
];

/// Files that esp-ppq wrote, and the chip that each is for (`fixtures/espdl/files.py`).
fn fixtures() -> [(Vec<u8>, Target); 3] {
    let file = |name| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/espdl/");
        std::fs::read(format!("{folder}{name}.espdl")).unwrap()
    };
    [(file("esp32p4-int8"), Target::Esp32p4), (file("esp32s3-int16"), Target::Esp32s3), (file("c-int8"), Target::C)]
}

#[test]
fn files_of_esp_ppq_are_rewritten_byte_for_byte() {
    for (bytes, target) in fixtures() {
        let model = read(&bytes).unwrap();
        assert_eq!(read(&write(&model).unwrap()).unwrap(), model, "{target}");
    }
}

#[test]
fn files_of_esp_ppq_are_read() {
    for (bytes, target) in fixtures() {
        let graph = read(&bytes).unwrap().graph;
        let names: Vec<&str> = graph.nodes.iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["stem", "deep", "gate", "pool", "PPQ_Operation_0", "flat", "head"], "{target}");
        assert_eq!(graph.nodes[0].text("activation"), Some("Relu"));
        assert_eq!(graph.nodes[1].int("group"), Some(20));
        assert_eq!(graph.nodes[4].attribute("perm"), Some(&Attribute::Ints(vec![0, 3, 1, 2])));
        assert_eq!(graph.inputs[0].sizes(), Some(vec![1, 6, 6, 3]));
        assert_eq!(graph.test_outputs[0].dims, [1, 5]);
    }
}

#[test]
fn files_of_esp_ppq_fit_the_chip_that_they_are_for() {
    for (bytes, target) in fixtures() {
        let entry = open(&bytes, None).unwrap().entries.remove(0);
        assert_eq!(crate::runtime::compatibility::check(&entry, target, crate::chip::Runtime::KNOWN), [], "{target}");
        let other = if target == Target::C { Target::Esp32p4 } else { Target::C };
        assert!(
            !crate::runtime::compatibility::check(&entry, other, crate::chip::Runtime::KNOWN).is_empty(),
            "{target}'s file on {other}"
        );
    }
}

mod random {
    use proptest::prelude::*;

    use super::super::*;

    fn name() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9_/.é]{0,12}"
    }

    fn data_type() -> impl Strategy<Value = DataType> {
        let fixed: Vec<DataType> = DataType::ALL.into_iter().filter(|t| t.width().is_some()).collect();
        prop::sample::select(fixed)
    }

    fn tensor() -> impl Strategy<Value = Tensor> {
        let shape = (data_type(), prop::collection::vec(0usize..5, 0..4));
        let filled = shape.prop_flat_map(|(data_type, dims)| {
            let bytes = dims.iter().product::<usize>() * data_type.width().unwrap_or(0);
            (Just(data_type), Just(dims), prop::collection::vec(any::<u8>(), bytes))
        });
        (name(), name(), filled, prop::collection::vec(any::<i64>(), 0..3)).prop_map(
            |(name, doc, (data_type, dims, bytes), exponents)| Tensor { name, doc, data_type, dims, exponents, bytes },
        )
    }

    fn value() -> impl Strategy<Value = ValueInfo> {
        let dim = prop_oneof![Just(Dim::Unknown), any::<i64>().prop_map(Dim::Size), name().prop_map(Dim::Named)];
        let dims = prop::option::of(prop::collection::vec(dim, 0..4));
        (name(), name(), data_type(), dims, prop::collection::vec(any::<i64>(), 0..3))
            .prop_map(|(name, doc, data_type, dims, exponents)| ValueInfo { name, doc, data_type, dims, exponents })
    }

    fn attribute() -> impl Strategy<Value = Attribute> {
        // NaN is unequal to itself.
        let float = || any::<f32>().prop_filter("a number", |f| !f.is_nan());
        prop_oneof![
            any::<i64>().prop_map(Attribute::Int),
            float().prop_map(Attribute::Float),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(Attribute::Text),
            prop::collection::vec(any::<i64>(), 0..5).prop_map(Attribute::Ints),
            prop::collection::vec(float(), 0..5).prop_map(Attribute::Floats),
            prop::collection::vec(name(), 0..4).prop_map(Attribute::Texts),
            tensor().prop_map(|t| Attribute::Tensor(Box::new(t))),
        ]
    }

    fn node() -> impl Strategy<Value = Node> {
        let names = || prop::collection::vec(name(), 0..4);
        let attributes = prop::collection::vec((name(), attribute()), 0..4);
        (name(), name(), name(), name(), names(), names(), attributes).prop_map(
            |(name, op, domain, doc, inputs, outputs, attributes)| Node {
                name,
                op,
                domain,
                doc,
                inputs,
                outputs,
                attributes,
            },
        )
    }

    fn graph() -> impl Strategy<Value = Graph> {
        let tensors = || prop::collection::vec(tensor(), 0..4);
        let values = || prop::collection::vec(value(), 0..4);
        let nodes = prop::collection::vec(node(), 0..6);
        (name(), name(), nodes, tensors(), values(), values(), values(), tensors(), tensors()).prop_map(
            |(name, doc, nodes, initializers, inputs, outputs, values, test_inputs, test_outputs)| Graph {
                name,
                doc,
                nodes,
                initializers,
                inputs,
                outputs,
                values,
                test_inputs,
                test_outputs,
            },
        )
    }

    fn model() -> impl Strategy<Value = Model> {
        let metadata = prop::collection::vec((name(), name()), 0..3);
        (any::<i32>(), any::<i64>(), name(), metadata, graph()).prop_map(
            |(ir_version, version, producer, metadata, graph)| Model {
                ir_version,
                version,
                producer,
                metadata,
                graph,
                ..Model::default()
            },
        )
    }

    proptest! {
        #[test]
        fn any_encrypted_model_is_read_back_unchanged(model in model(), key in any::<Key>()) {
            prop_assert_eq!(&read(&write(&model).unwrap()).unwrap(), &model);
            let encrypted = write_encrypted(&model, &key).unwrap();
            let file = open(&encrypted, Some(&key)).unwrap();
            prop_assert_eq!(&file.entries[0].model, &model);
            prop_assert_eq!(&file.entries[0].misaligned, &Vec::<String>::new());
        }
    }
}
