//! BMP files as 8-bit RGB: indices of 1 to 8 bits, runs of them, and colours of 16, 24 and 32 bits. No JPEG or PNG inside.

use std::io::{self, Read, Seek, SeekFrom};

use super::decode::{Decoded, Undecodable, size};
use super::picture::Picture;

/// Longest side of a picture that is not upside down.
const LONGEST: i32 = 0xffff;

/// Colours by index; those that the file lacks are black.
type Palette = [[u8; 3]; 256];

/// File whose header is read.
pub struct Bmp<R> {
    file: R,
    header: Header,
    coding: Coding,
    /// Place of the pixels.
    start: u64,
}

struct Header {
    width: u32,
    height: u32,
    /// The first row is the top one.
    is_top_down: bool,
    bits: u32,
    compression: u32,
    /// Colours of the palette; 0 stands for as many as the bits can name.
    colors: u32,
}

enum Coding {
    Indices(Box<Palette>),
    Runs(Box<Palette>),
    Colors { fields: [Field; 3], has_alpha: bool },
}

/// Bits of one colour in a pixel.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    length: u32,
}

impl<R: Read + Seek> Bmp<R> {
    /// Reads the header and the palette.
    pub fn read(mut file: R) -> Decoded<Bmp<R>> {
        // Signature, size of the file, and nothing.
        let _: [u8; 10] = bytes(&mut file)?;
        let start = u64::from(u32(&mut file)?);
        let length = u32(&mut file)?;
        let header = match length {
            0..12 => return Err(malformed(format!("Bitmap header too small ({length} bytes)"))),
            12 => Header::old(&mut file)?,
            40 | 52 | 56 | 108 | 124 => Header::read(&mut file)?,
            _ => return Err(unsupported(format!("Unknown bitmap header type (size={length})"))),
        };
        let coding = match (header.compression, header.bits) {
            (3, _) => Coding::of_masks(&mut file, header.bits, length >= 56)?,
            (0, 16) => Coding::Colors { fields: fields([10, 5, 0], 5), has_alpha: false },
            (0, 24 | 32) => Coding::Colors { fields: fields([16, 8, 0], 8), has_alpha: false },
            (compression, _) => {
                file.seek(SeekFrom::Start(14 + u64::from(length)))?;
                let palette = header.palette(&mut file, if length == 12 { 3 } else { 4 })?;
                if compression == 0 { Coding::Indices(palette) } else { Coding::Runs(palette) }
            }
        };
        Ok(Bmp { file, header, coding, start })
    }

    /// Returns width and height.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.header.width, self.header.height)
    }

    /// Decodes the pixels.
    pub fn picture(mut self) -> Decoded<Picture> {
        let Header { width, height, bits, is_top_down, .. } = self.header;
        // Alpha is dropped at once, but counts.
        let channels = if matches!(self.coding, Coding::Colors { has_alpha: true, .. }) { 4 } else { 3 };
        size(width, height, channels)?;
        let mut picture = Picture::black(width, height);
        self.file.seek(SeekFrom::Start(self.start))?;
        if let Coding::Runs(palette) = &self.coding {
            runs(&mut self.file, palette, bits, &mut picture)?;
            return Ok(picture);
        }
        let mut coded = vec![0; (bits as usize * width as usize).div_ceil(32) * 4];
        for y in 0..height {
            self.file.read_exact(&mut coded)?;
            let row = picture.row_mut(if is_top_down { y } else { height - 1 - y });
            match &self.coding {
                Coding::Colors { fields, .. } => colors(&coded, *fields, bits as usize / 8, row),
                Coding::Indices(palette) | Coding::Runs(palette) => {
                    fill(row.as_chunks_mut().0, split(&coded, bits), palette);
                }
            }
        }
        Ok(picture)
    }
}

impl Header {
    /// Reads the header of OS/2.
    fn old(file: &mut impl Read) -> Decoded<Header> {
        let (width, height) = (u16(file)?, u16(file)?);
        let (width, height, is_top_down) = sides(width.into(), height.into())?;
        one_plane(file)?;
        let bits = u32::from(u16(file)?);
        match bits {
            1 | 4 | 8 | 24 => Ok(Header { width, height, is_top_down, bits, compression: 0, colors: 0 }),
            _ => Err(malformed(format!("Invalid channel bit count for RGB: {bits}"))),
        }
    }

    fn read(file: &mut impl Read) -> Decoded<Header> {
        let (width, height) = (u32(file)?.cast_signed(), u32(file)?.cast_signed());
        let (width, height, is_top_down) = sides(width, height)?;
        one_plane(file)?;
        let (bits, compression) = (u32::from(u16(file)?), u32(file)?);
        if is_top_down && !matches!(compression, 0 | 3) {
            return Err(malformed(format!("Invalid image type {compression} for top-down image.")));
        }
        let name = match (compression, bits) {
            (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) | (1, 8) | (2, 4) | (3, 16 | 32) => None,
            (0, _) => Some("RGB"),
            (1, _) => Some("RLE8"),
            (2, _) => Some("RLE4"),
            (3, _) => Some("bitfields"),
            (4, _) => return Err(unsupported("JPEG compression")),
            (5, _) => return Err(unsupported("PNG compression")),
            (11..=13, _) => return Err(unsupported("CMYK format")),
            _ => return Err(malformed(format!("Unknown image compression type {compression}"))),
        };
        if let Some(name) = name {
            return Err(malformed(format!("Invalid channel bit count for {name}: {bits}")));
        }
        // Bytes of the pixels, and pixels per metre.
        let _: [u8; 12] = bytes(file)?;
        let colors = u32(file)?;
        // Colours that matter.
        u32(file)?;
        Ok(Header { width, height, is_top_down, bits, compression, colors })
    }

    fn palette(&self, file: &mut impl Read, bytes_of_color: usize) -> Decoded<Box<Palette>> {
        let (count, bits) = (self.colors, self.bits);
        if count > 1 << bits {
            let what = format!("Palette size {count} exceeds maximum size for BMP with bit count of {bits}");
            return Err(malformed(what));
        }
        let count = if count == 0 { 1 << bits } else { count as usize };
        let mut entries = vec![0; count * bytes_of_color];
        file.read_exact(&mut entries)?;
        let mut palette = Box::new([[0; 3]; 256]);
        for (color, entry) in palette.iter_mut().zip(entries.chunks_exact(bytes_of_color)) {
            *color = [entry[2], entry[1], entry[0]];
        }
        Ok(palette)
    }
}

/// Checks width and height; a negative height stands for rows from the top.
fn sides(width: i32, height: i32) -> Decoded<(u32, u32, bool)> {
    if width < 0 {
        return Err(malformed(format!("Negative width ({width})")));
    }
    if width > LONGEST || height > LONGEST {
        let what = format!("Image too large (one of ({width}, {height}) > soft limit of {LONGEST})");
        return Err(malformed(what));
    }
    if height == i32::MIN {
        return Err(malformed("Invalid height"));
    }
    let (is_top_down, height) = (height < 0, height.unsigned_abs());
    if width == 0 || height == 0 {
        return Err(unsupported(format!("Image dimensions ({width}x{height} w/3 channels) are too large")));
    }
    Ok((width.unsigned_abs(), height, is_top_down))
}

fn one_plane(file: &mut impl Read) -> Decoded<()> {
    if u16(file)? == 1 { Ok(()) } else { Err(malformed("More than one plane")) }
}

impl Coding {
    fn of_masks(file: &mut impl Read, bits: u32, is_alpha_known: bool) -> Decoded<Coding> {
        let [red, green, blue] = [u32(file)?, u32(file)?, u32(file)?];
        let alpha = if is_alpha_known { u32(file)? } else { 0 };
        let fields = [Field::of(red, bits)?, Field::of(green, bits)?, Field::of(blue, bits)?];
        // Dropped, but refused if it is wrong.
        Field::of(alpha, bits)?;
        if fields.iter().any(|field| field.length == 0) {
            return Err(malformed(format!("Missing {bits}-bit bitfield mask")));
        }
        Ok(Coding::Colors { fields, has_alpha: alpha != 0 })
    }
}

impl Field {
    fn of(mask: u32, bits: u32) -> Decoded<Field> {
        if mask == 0 {
            return Ok(Field { shift: 0, length: 0 });
        }
        let (shift, length) = (mask.trailing_zeros(), mask.count_ones());
        if (mask >> shift).trailing_ones() != length {
            return Err(malformed("Non-contiguous bitfield mask"));
        }
        if shift + length > bits {
            return Err(malformed("Invalid bitfield mask"));
        }
        // The upper eight.
        Ok(Field { shift: shift + length.saturating_sub(8), length: length.min(8) })
    }

    /// Reads the colour, stretched to 8 bits.
    fn value(self, pixel: u32) -> u8 {
        let most = (1 << self.length) - 1;
        // At most 255, since the field is at most `most`.
        ((((pixel >> self.shift) & most) * 255 + most / 2) / most) as u8
    }
}

fn fields(shifts: [u32; 3], length: u32) -> [Field; 3] {
    shifts.map(|shift| Field { shift, length })
}

/// Decodes a row of colours.
fn colors(coded: &[u8], fields: [Field; 3], bytes_of_pixel: usize, row: &mut [u8]) {
    let pixels = row.as_chunks_mut::<3>().0;
    if fields.iter().all(|field| field.length == 8 && field.shift % 8 == 0) {
        let at = fields.map(|field| field.shift as usize / 8);
        for (pixel, bytes) in pixels.iter_mut().zip(coded.chunks_exact(bytes_of_pixel)) {
            // In bounds: the fields are within the pixel.
            *pixel = at.map(|at| bytes[at]);
        }
        return;
    }
    for (pixel, bytes) in pixels.iter_mut().zip(coded.chunks_exact(bytes_of_pixel)) {
        let bits = bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        *pixel = fields.map(|field| field.value(bits));
    }
}

/// Sets pixels to the colours of indices.
fn fill(pixels: &mut [[u8; 3]], indices: impl Iterator<Item = u8>, palette: &Palette) {
    for (pixel, index) in pixels.iter_mut().zip(indices) {
        *pixel = palette[usize::from(index)];
    }
}

/// Splits bytes into indices, from the upper bits.
fn split(bytes: &[u8], bits: u32) -> impl Iterator<Item = u8> {
    let most = u8::MAX >> (8 - bits);
    bytes.iter().flat_map(move |byte| (0..8).step_by(bits as usize).map(move |at| byte >> (8 - bits - at) & most))
}

/// Decodes runs of indices, from the bottom. What they skip is black.
fn runs(file: &mut impl Read, palette: &Palette, bits: u32, picture: &mut Picture) -> Decoded<()> {
    let (width, mut below) = picture.dimensions();
    let (width, mut x) = (width as usize, 0);
    while below > 0 {
        let row = picture.row_mut(below - 1).as_chunks_mut::<3>().0;
        match bytes(file)? {
            [0, 0] => (below, x) = (below - 1, 0),
            [0, 1] => break,
            [0, 2] => {
                let [right, up]: [u8; 2] = bytes(file)?;
                (below, x) = (below.saturating_sub(up.into()), x + usize::from(right));
                if below == 0 || (right, up) != (0, 0) && x > width {
                    return Err(corrupt());
                }
            }
            [0, count] => {
                let count = usize::from(count);
                // Ends at an even byte.
                let mut coded = vec![0; (count * bits as usize).div_ceil(16) * 2];
                file.read_exact(&mut coded)?;
                fill(row.get_mut(x..x + count).ok_or_else(corrupt)?, split(&coded, bits), palette);
                x += count;
            }
            [count, index] => {
                let end = x + usize::from(count);
                // Some programs write runs of bytes that are longer than the row.
                if bits == 4 && end > width {
                    return Err(corrupt());
                }
                let run = row.get_mut(x.min(width)..end.min(width)).unwrap_or_default();
                fill(run, split(&[index; 256], bits), palette);
                x = end;
            }
        }
    }
    Ok(())
}

fn corrupt() -> Undecodable {
    malformed("Corrupt RLE data")
}

fn malformed(what: impl std::fmt::Display) -> Undecodable {
    Undecodable(format!("Format error decoding Bmp: {what}"))
}

fn unsupported(what: impl std::fmt::Display) -> Undecodable {
    Undecodable(format!("The decoder for Bmp does not support the format features {what}"))
}

fn bytes<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u16(file: &mut impl Read) -> io::Result<u16> {
    bytes(file).map(u16::from_le_bytes)
}

fn u32(file: &mut impl Read) -> io::Result<u32> {
    bytes(file).map(u32::from_le_bytes)
}
