//! Writes the graph that espq makes of a model as ONNX: `cargo run --example onnx MODEL OUT.onnx [--simplified]`.
//!
//! It is the twin of a .tflite or .pt2 file for ONNX Runtime and for esp-ppq, which read no such file (`fixtures/tflite.py`);
//! simplified, it is the graph that is quantized.

use std::path::Path;
use std::process::ExitCode;

use espq::graph::{Attribute, Graph, Tensor, ValueId};
use espq::{Result, model};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (from, to, is_simplified) = match arguments.as_slice() {
        [from, to] => (from, to, false),
        [from, to, option] if option == "--simplified" => (from, to, true),
        _ => {
            eprintln!("cargo run --example onnx MODEL OUT.onnx [--simplified]");
            return ExitCode::FAILURE;
        }
    };
    let written = encode(Path::new(from), is_simplified).map_err(|e| e.to_string());
    match written.and_then(|bytes| std::fs::write(to, bytes).map_err(|e| format!("{to}: {e}"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn encode(path: &Path, is_simplified: bool) -> Result<Vec<u8>> {
    let imported = model::load(path)?;
    let graph = match is_simplified {
        true => espq::simplify::simplify(imported)?.graph,
        false => imported.graph,
    };
    // Types of the outputs, which ONNX demands. Shapes that nodes compute are not known before they are folded: what is not
    // known then is float32.
    let mut inferred = graph.clone();
    if let Err(error) = espq::simplify::infer(&mut inferred) {
        eprintln!("{error}");
    }
    let mut opset = Message::default();
    opset.int(2, graph.opset);
    let mut whole = Message::default();
    whole.int(1, 10).message(8, &opset).message(7, &graph_proto(&graph, &inferred));
    Ok(whole.0)
}

fn graph_proto(graph: &Graph, inferred: &Graph) -> Message {
    let mut proto = Message::default();
    for node in &graph.nodes {
        let mut of_node = Message::default();
        node.inputs.iter().for_each(|&input| {
            of_node.text(1, name(graph, input));
        });
        node.outputs.iter().for_each(|&output| {
            of_node.text(2, name(graph, output));
        });
        of_node.text(3, &node.name).text(4, &node.op);
        node.attributes.0.iter().for_each(|(name, value)| {
            of_node.message(5, &attribute(name, value));
        });
        proto.message(1, &of_node);
    }
    proto.text(2, "espq");
    for value in &graph.values {
        if let Some(constant) = &value.constant {
            proto.message(5, &tensor(&value.name, constant));
        }
    }
    graph.inputs.iter().for_each(|&input| {
        proto.message(11, &info(inferred, input));
    });
    graph.outputs.iter().for_each(|&output| {
        proto.message(12, &info(inferred, output));
    });
    proto
}

fn name(graph: &Graph, value: Option<ValueId>) -> &str {
    value.map_or("", |value| &graph.value(value).name)
}

fn info(graph: &Graph, id: ValueId) -> Message {
    let value = graph.value(id);
    let mut shape = Message::default();
    for &length in value.shape.iter().flatten() {
        let mut dimension = Message::default();
        dimension.int(1, length as i64);
        shape.message(1, &dimension);
    }
    let mut tensor_type = Message::default();
    tensor_type.int(1, value.data_type.map_or(1, |data_type| data_type.to_onnx()));
    if value.shape.is_some() {
        tensor_type.message(2, &shape);
    }
    let mut of_type = Message::default();
    of_type.message(1, &tensor_type);
    let mut info = Message::default();
    info.text(1, &value.name).message(2, &of_type);
    info
}

fn attribute(name: &str, value: &Attribute) -> Message {
    let mut proto = Message::default();
    proto.text(1, name);
    match value {
        Attribute::Float(v) => proto.float(2, *v).int(20, 1),
        Attribute::Int(v) => proto.int(3, *v).int(20, 2),
        Attribute::Text(v) => proto.text(4, v).int(20, 3),
        Attribute::Tensor(v) => proto.message(5, &tensor("", v)).int(20, 4),
        Attribute::Floats(v) => v.iter().fold(&mut proto, |proto, v| proto.float(7, *v)).int(20, 6),
        Attribute::Ints(v) => v.iter().fold(&mut proto, |proto, v| proto.int(8, *v)).int(20, 7),
        Attribute::Texts(v) => v.iter().fold(&mut proto, |proto, v| proto.text(9, v)).int(20, 8),
        Attribute::Graph(_) => &mut proto,
    };
    proto
}

fn tensor(name: &str, tensor: &Tensor) -> Message {
    fn raw<T: espq::graph::Element, const N: usize>(tensor: &Tensor, bytes: fn(T) -> [u8; N]) -> Vec<u8> {
        tensor.slice::<T>().unwrap_or_default().iter().flat_map(|&v| bytes(v)).collect()
    }
    let mut proto = Message::default();
    tensor.shape().iter().for_each(|&length| {
        proto.int(1, length as i64);
    });
    let bytes = match tensor {
        Tensor::F32(_) => raw(tensor, f32::to_le_bytes),
        Tensor::F64(_) => raw(tensor, f64::to_le_bytes),
        Tensor::I8(_) => raw(tensor, i8::to_le_bytes),
        Tensor::I16(_) => raw(tensor, i16::to_le_bytes),
        Tensor::I32(_) => raw(tensor, i32::to_le_bytes),
        Tensor::I64(_) => raw(tensor, i64::to_le_bytes),
        Tensor::U8(_) => raw(tensor, u8::to_le_bytes),
        Tensor::U16(_) => raw(tensor, u16::to_le_bytes),
        Tensor::U32(_) => raw(tensor, u32::to_le_bytes),
        Tensor::U64(_) => raw(tensor, u64::to_le_bytes),
        Tensor::Bool(_) => raw(tensor, |v: bool| [u8::from(v)]),
    };
    proto.int(2, tensor.data_type().to_onnx()).text(8, name).bytes(9, &bytes);
    proto
}

/// Protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(&mut self, field: u64, value: i64) -> &mut Message {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn float(&mut self, field: u64, value: f32) -> &mut Message {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Message {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn text(&mut self, field: u64, text: &str) -> &mut Message {
        self.bytes(field, text.as_bytes())
    }

    fn message(&mut self, field: u64, message: &Message) -> &mut Message {
        self.bytes(field, &message.0)
    }
}
