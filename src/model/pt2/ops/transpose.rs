//! Axes in another order.

use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering, front};
use crate::{Result, bail};

/// Returns a value with its axes in another order: a constant at once. Of two Transposes the exporter makes one.
pub fn turned(l: &mut Lowering, value: ValueId, order: &[usize]) -> Result<ValueId> {
    if let Some(tensor) = l.tensor(value) {
        let Some(turned) = tensor.transpose(order) else {
            bail!("{} dimensions in the order {order:?}", tensor.rank())
        };
        let name = l.graph.value(value).name.clone();
        return Ok(l.named_constant(&name, turned));
    }
    let mut source = value;
    let mut order: Vec<i64> = order.iter().map(|&axis| axis as i64).collect();
    let before = l.maker(value).filter(|node| node.op == "Transpose");
    if let Some((from, first)) = before.and_then(|node| Some((node.input(0)?, node.attributes.ints("perm")?)))
        && first.len() == order.len()
    {
        // Both are orders of all axes.
        order = order.iter().filter_map(|&axis| first.get(usize::try_from(axis).ok()?).copied()).collect();
        source = from;
    }
    if order.iter().copied().eq(0..order.len() as i64) {
        return Ok(source);
    }
    Ok(l.node("Transpose", &[source], [("perm", Attribute::Ints(order))]))
}

fn emit<'a>(l: &mut Lowering<'a>, call: Call<'a>, order: &[usize]) -> Result<()> {
    let rank = l.shape(call, own(call))?.len();
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..rank) {
        bail!("{rank} dimensions in the order {order:?}")
    }
    let x = l.input(call, own(call))?;
    let y = turned(l, x, order)?;
    l.set(call, y)
}

fn own(call: Call<'_>) -> &str {
    call.node.inputs.first().map_or("self", |named| &*named.name)
}

pub fn permute<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let rank = l.shape(call, "self")?.len();
    let order = l.ints(call, "dims")?.unwrap_or_default();
    let order: Vec<usize> = order.iter().map(|&axis| front(axis, rank)).collect::<Result<_>>()?;
    emit(l, call, &order)
}

pub fn transpose<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let rank = l.shape(call, "self")?.len();
    let (a, b) = if call.argument("axis0").is_some() { ("axis0", "axis1") } else { ("dim0", "dim1") };
    if rank == 0 {
        return super::unary::same(l, call);
    }
    let (a, b) = (l.axis(call, a, 0, rank)?, l.axis(call, b, 1, rank)?);
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(a, b);
    emit(l, call, &order)
}

/// Swaps the last two axes, or turns all of them.
pub fn t<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let rank = l.shape(call, "self")?.len();
    let mut order: Vec<usize> = (0..rank).collect();
    match call.operator().starts_with("numpy_T") {
        true => order.reverse(),
        false if rank > 1 => order.swap(rank - 1, rank - 2),
        false => {}
    }
    emit(l, call, &order)
}

pub fn movedim<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let rank = l.shape(call, "self")?.len();
    let axes = |name: &str| -> Result<Vec<usize>> {
        l.ints(call, name)?.unwrap_or_default().iter().map(|&axis| front(axis, rank)).collect()
    };
    let (from, to) = (axes("source")?, axes("destination")?);
    let mut moved: Vec<(usize, usize)> = to.into_iter().zip(from.iter().copied()).collect();
    moved.sort_unstable();
    let mut order: Vec<usize> = (0..rank).filter(|axis| !from.contains(axis)).collect();
    for (to, from) in moved {
        order.insert(to.min(order.len()), from);
    }
    emit(l, call, &order)
}
