//! Files of pictures as 8-bit RGB: PNG and JPEG by their crates, BMP by the neighbour module.
//!
//! Alpha is dropped; profiles of colours and the orientation of a camera are not applied.

use std::io::{self, BufRead, Read, Seek};

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::bmp::Bmp;
use super::picture::Picture;

/// Most bytes of a decoded picture: a small file can claim any size.
const LIMIT: usize = 512 << 20;

/// Reason why a file cannot be decoded, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable(pub String);

/// Result of decoding.
pub type Decoded<T> = Result<T, Undecodable>;

/// File whose header is read.
pub enum Opened<R: BufRead + Seek> {
    Png(Box<png::Reader<R>>),
    Jpeg(Jpeg),
    Bmp(Bmp<R>),
}

impl<R: BufRead + Seek> Opened<R> {
    /// Reads the header. The format is that of the content: a JPEG with the extension of a PNG is common.
    pub fn read(mut file: R) -> Decoded<Opened<R>> {
        let mut start = Vec::new();
        file.by_ref().take(16).read_to_end(&mut start)?;
        file.rewind()?;
        match format(&start) {
            Some("Png") => png(file).map(|png| Opened::Png(Box::new(png))),
            Some("Jpeg") => Jpeg::read(file).map(Opened::Jpeg),
            Some("Bmp") => Bmp::read(file).map(Opened::Bmp),
            Some(other) => Err(Undecodable(format!("The image format {other} is not supported"))),
            None => Err(Undecodable("The image format could not be determined".to_string())),
        }
    }

    /// Returns width and height.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Opened::Png(png) => png.info().size(),
            Opened::Jpeg(jpeg) => (jpeg.width, jpeg.height),
            Opened::Bmp(bmp) => bmp.dimensions(),
        }
    }

    /// Decodes the pixels.
    pub fn picture(self) -> Decoded<Picture> {
        match self {
            Opened::Png(png) => pixels_of_png(*png),
            Opened::Jpeg(jpeg) => jpeg.picture(),
            Opened::Bmp(bmp) => bmp.picture(),
        }
    }
}

/// Name of a format by a file's first bytes.
fn format(start: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 20] = [
        (b"\x89PNG\r\n\x1a\n", "Png"),
        (b"\xff\xd8\xff", "Jpeg"),
        (b"GIF89a", "Gif"),
        (b"GIF87a", "Gif"),
        (b"MM\0*", "Tiff"),
        (b"II*\0", "Tiff"),
        (b"DDS ", "Dds"),
        (b"BM", "Bmp"),
        (b"\0\0\x01\0", "Ico"),
        (b"#?RADIANCE", "Hdr"),
        (b"\x76\x2f\x31\x01", "OpenExr"),
        (b"qoif", "Qoi"),
        (b"P1", "Pnm"),
        (b"P2", "Pnm"),
        (b"P3", "Pnm"),
        (b"P4", "Pnm"),
        (b"P5", "Pnm"),
        (b"P6", "Pnm"),
        (b"P7", "Pnm"),
        (b"farbfeld", "Farbfeld"),
    ];
    // The length of their first box or chunk comes before the names of these.
    match start {
        [b'R', b'I', b'F', b'F', _, _, _, _, rest @ ..] if rest.starts_with(b"WEBP") => return Some("WebP"),
        [0, 0, _, _, rest @ ..] if rest.starts_with(b"ftypavif") => return Some("Avif"),
        _ => {}
    }
    FORMATS.iter().find(|(first, _)| start.starts_with(first)).map(|(_, name)| *name)
}

/// Returns the bytes of a picture, unless they are too many.
pub fn size(width: u32, height: u32, bytes: usize) -> Decoded<usize> {
    let size = u128::from(width) * u128::from(height) * bytes as u128;
    let size = usize::try_from(size).ok().filter(|&size| size <= LIMIT);
    size.ok_or_else(|| Undecodable("Memory limit exceeded".to_string()))
}

fn png<R: BufRead + Seek>(file: R) -> Decoded<png::Reader<R>> {
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes: LIMIT });
    // Palettes become colours, and fewer bits than 8 become 8; 16 are rounded below.
    decoder.set_transformations(png::Transformations::EXPAND);
    Ok(decoder.read_info()?)
}

fn pixels_of_png<R: BufRead + Seek>(mut png: png::Reader<R>) -> Decoded<Picture> {
    let (width, height) = png.info().size();
    let (color, depth) = png.output_color_type();
    let bytes = if depth == png::BitDepth::Sixteen { 2 } else { 1 };
    let mut pixels = vec![0; size(width, height, color.samples() * bytes)?];
    png.next_frame(&mut pixels)?;
    let of_each = |pixel: fn(&[u8]) -> [u8; 3]| pixels.chunks_exact(color.samples() * bytes).flat_map(pixel).collect();
    let rgb = match (bytes, color.samples()) {
        (1, 3) => pixels,
        (1, 4) => of_each(|pixel| [pixel[0], pixel[1], pixel[2]]),
        (1, _) => of_each(|pixel| [pixel[0]; 3]),
        (_, 3 | 4) => of_each(|pixel| [narrow(pixel), narrow(&pixel[2..]), narrow(&pixel[4..])]),
        _ => of_each(|pixel| [narrow_gray(pixel); 3]),
    };
    Ok(Picture::new(width, height, rgb))
}

/// Rounds the first 16 bits to 8.
fn narrow(bytes: &[u8]) -> u8 {
    // At most 255: (65535 + 128) / 257.
    ((u32::from(wide(bytes)) + 128) / 257) as u8
}

/// Rounds the first 16 bits to 8, in floating point: a few levels are another than those of colours.
fn narrow_gray(bytes: &[u8]) -> u8 {
    const UNIT: f32 = 1.0 / 65535.0;
    (f32::from(wide(bytes)) * UNIT * 255.0).round() as u8
}

fn wide(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// JPEG file whose header is read.
pub struct Jpeg {
    file: Vec<u8>,
    width: u32,
    height: u32,
    /// Gray, or RGB.
    color: ColorSpace,
}

impl Jpeg {
    fn read(mut file: impl Read) -> Decoded<Jpeg> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes), Jpeg::options());
        decoder.decode_headers()?;
        let Some((width, height)) = decoder.dimensions() else {
            return Err(Undecodable("Format error decoding Jpeg: it has no size".to_string()));
        };
        let color = match decoder.input_colorspace() {
            Some(ColorSpace::Luma) => ColorSpace::Luma,
            _ => ColorSpace::RGB,
        };
        // The format has 16 bits for each.
        Ok(Jpeg { file: bytes, width: width as u32, height: height as u32, color })
    }

    fn options() -> DecoderOptions {
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX)
    }

    fn picture(self) -> Decoded<Picture> {
        let mut pixels = vec![0; size(self.width, self.height, self.color.num_components())?];
        let options = Jpeg::options().jpeg_set_out_colorspace(self.color);
        JpegDecoder::new_with_options(ZCursor::new(&self.file), options).decode_into(&mut pixels)?;
        let rgb = match self.color {
            ColorSpace::Luma => pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
            _ => pixels,
        };
        Ok(Picture::new(self.width, self.height, rgb))
    }
}

impl From<io::Error> for Undecodable {
    fn from(error: io::Error) -> Undecodable {
        Undecodable(error.to_string())
    }
}

impl From<png::DecodingError> for Undecodable {
    fn from(error: png::DecodingError) -> Undecodable {
        Undecodable(match error {
            png::DecodingError::IoError(error) => error.to_string(),
            png::DecodingError::Format(error) => format!("Format error decoding Png: {error}"),
            png::DecodingError::Parameter(error) => format!("The parameter is malformed: {error}"),
            png::DecodingError::LimitsExceeded => "Memory limit exceeded".to_string(),
        })
    }
}

impl From<DecodeErrors> for Undecodable {
    fn from(error: DecodeErrors) -> Undecodable {
        Undecodable(match error {
            DecodeErrors::Unsupported(what) => {
                format!("The decoder for Jpeg does not support the format features {what:?}")
            }
            DecodeErrors::LargeDimensions(_) => "Image size exceeds limit".to_string(),
            error => format!("Format error decoding Jpeg: {error}"),
        })
    }
}

impl std::fmt::Display for Undecodable {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
