//! Layers with a state: LSTM and GRU, over one sequence or several.

use super::network::{Layer, Net, int, text};

pub fn recurrent(net: &mut Net, layer: Layer) {
    let count: usize = net.shape().iter().product();
    let batch = if layer.b >= 9 { 2 } else { 1 };
    let steps = [2, 3, 4][layer.a % 3];
    if !count.is_multiple_of(batch * steps) || count / (batch * steps) > 64 {
        return;
    }
    let width = count / (batch * steps);
    let shape = net.list(&[steps as i64, batch as i64, width as i64]);
    net.add("Reshape", &[shape], &[], 1);
    let (op, gates) = [("LSTM", 4), ("GRU", 3)][layer.b % 2];
    let hidden = 2 + layer.back;
    let directions = if layer.a % 4 == 3 { 2 } else { 1 };
    let size = layer.size.min(0.5);
    let weight = net.constant(&[directions, gates * hidden, width], size);
    let state = net.constant(&[directions, gates * hidden, hidden], size);
    let bias = net.constant(&[directions, 2 * gates * hidden], size);
    let way = match (directions, layer.b % 5) {
        (2, _) => "bidirectional",
        (_, 4) => "reverse",
        _ => "forward",
    };
    let mut attributes = vec![int("hidden_size", hidden), text("direction", way)];
    if op == "GRU" {
        attributes.push(int("linear_before_reset", usize::from(layer.back < 3)));
    }
    net.add(op, &[weight, state, bias], &attributes, 1);
}
