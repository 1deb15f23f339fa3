//! Checks of lookup tables: presence, length, and the exponent of the output.

use crate::chip::{Chip, QuantType};
use crate::espdl::Node;

use super::{Context, Fault, quant_type};

pub fn table(context: &Context, node: &Node, _: &Chip) -> Option<Fault> {
    let name = node.text("lut")?;
    let Some(table) = context.tensors.get(name) else {
        return Some((format!("its table {name} is not in the file"), "export the model again"));
    };
    let count = table.count().ok()?;
    let fits = match quant_type(node)? {
        QuantType::S8 => count == 256,
        // A power of two plus one: entries from -32768 to 32768 in equal steps.
        _ => count >= 3 && (count - 1).is_power_of_two(),
    };
    if !fits {
        let what = format!("its table {name} has {count} entries; int8 needs 256, int16 a power of two plus one");
        return Some((what, "export the model again"));
    }
    let output = *context.value(node.outputs.first()?)?.exponents.first()?;
    let own = *table.exponents.first()?;
    (own != output)
        .then(|| (format!("its table {name} has exponent {own}, but the output {output}"), "export the model again"))
}
