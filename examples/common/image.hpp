// SPDX-License-Identifier: Apache-2.0
// Pictures and label maps from JPEG and PNG files, PNG files from pixels. Everything odd is an error in one line.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/file.hpp"
#include "common/files.hpp"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_FAILURE_USERMSG
#include <stb_image.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

namespace app {

inline constexpr int max_side = 8192;
/// An incompressible PNG of 8192 x 8192 pixels, 16 bits, four channels, fits.
inline constexpr std::size_t max_picture_bytes = std::size_t{600} << 20;

/// Pixels in rows, top first, `channels` bytes each: 3 (RGB) or 1 (class ids).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::unique_ptr<std::uint8_t, void (*)(void*)> pixels{nullptr, std::free};

  std::int64_t count() const noexcept { return std::int64_t{width} * height; }
};

namespace detail {

using Bytes = std::span<const std::byte>;

inline unsigned byte_at(Bytes b, std::size_t i) { return std::to_integer<unsigned>(b[i]); }
inline std::size_t big_endian(Bytes b, std::size_t i, int count) {
  std::size_t v = 0;
  for (int k = 0; k < count; ++k) v = v << 8 | byte_at(b, i + static_cast<std::size_t>(k));
  return v;
}
inline bool starts_with(Bytes b, std::string_view magic) {
  if (b.size() < magic.size()) return false;
  for (std::size_t i = 0; i < magic.size(); ++i)
    if (byte_at(b, i) != static_cast<unsigned char>(magic[i])) return false;
  return true;
}

/// What stb_image does not tell: it decodes half a JPEG without complaint and takes any four channels for YCbCr.
struct Probe {
  bool jpeg = false, png = false;
  bool complete = false;  ///< the file's own end mark is there
  int components = 0;     ///< JPEG
  bool adobe = false;     ///< JPEG: an Adobe marker says how four channels are meant
  int bits = 0, kind = 0; ///< PNG: bit depth and colour type
};

inline Probe probe_png(Bytes b) {
  Probe p;
  p.png = true;
  for (std::size_t at = 8; b.size() - at >= 12;) {
    const std::size_t length = big_endian(b, at, 4);
    const std::string_view name(reinterpret_cast<const char*>(b.data() + at + 4), 4);
    if (length > b.size() - at - 12) break;
    if (name == "IHDR" && length >= 10) {
      p.bits = static_cast<int>(byte_at(b, at + 16));
      p.kind = static_cast<int>(byte_at(b, at + 17));
    }
    if (name == "IEND") {
      p.complete = true;
      break;
    }
    at += length + 12;
  }
  return p;
}

/// Walks the segments of a JPEG up to its end mark.
inline Probe probe_jpeg(Bytes b) {
  Probe p;
  p.jpeg = true;
  std::size_t at = 2;
  while (at + 1 < b.size()) {
    if (byte_at(b, at) != 0xFF) {  // entropy-coded data, or padding
      ++at;
      continue;
    }
    const unsigned marker = byte_at(b, at + 1);
    if (marker == 0xD9) {
      p.complete = true;
      break;
    }
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // no segment follows
    if (b.size() - at < 2) break;
    const std::size_t length = big_endian(b, at, 2);
    if (length < 2 || length > b.size() - at) break;
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && length >= 8) p.components = static_cast<int>(byte_at(b, at + 7));
    if (marker == 0xEE && length >= 14 && starts_with(b.subspan(at + 2), "Adobe")) p.adobe = true;
    at += length;
  }
  return p;
}

inline Probe probe(Bytes b) {
  if (starts_with(b, "\x89PNG\r\n\x1a\n")) return probe_png(b);
  if (starts_with(b, "\xFF\xD8\xFF")) return probe_jpeg(b);
  return {};
}

/// Decodes to `channels` bytes a pixel, or as the file has it where check(probe) says what is wrong.
template <class Check>
Result<Image> read_image(const fs::path& path, int channels, const Check& check) {
  const std::string name = path.string();
  std::error_code failed;
  if (fs::is_directory(path, failed)) return Error{name + ": is a folder, expected a picture"};
  auto file = attendseg::read_file(name, max_picture_bytes);
  if (!file) return file.error();
  if (file->empty()) return Error{name + ": is empty, expected a JPEG or PNG picture"};
  const Probe p = probe(*file);
  if (!p.jpeg && !p.png) return Error{name + ": is not a JPEG or PNG picture"};
  const auto* data = reinterpret_cast<const stbi_uc*>(file->data());
  const int size = static_cast<int>(file->size());
  const auto undecodable = [&] {
    if (!p.complete) return Error{name + ": is cut short, its last part is missing"};
    return Error{name + ": is a damaged " + (p.png ? "PNG" : "JPEG") + " or of a rare kind (" + stbi_failure_reason() + ")"};
  };
  Image image;
  int met = 0;
  if (!stbi_info_from_memory(data, size, &image.width, &image.height, &met)) return undecodable();
  for (const auto& [what, side] : {std::pair("width", image.width), std::pair("height", image.height)})
    if (side < 1 || side > max_side)
      return Error{name + ": " + what + " " + std::to_string(side) + ", expected 1 to " + std::to_string(max_side)};
  if (!p.complete) return undecodable();
  if (p.components == 4 && !p.adobe)
    return Error{name + ": has four colour channels of unknown meaning, expected grey, RGB or Adobe's CMYK"};
  if (const std::string wrong = check(p); !wrong.empty()) return Error{name + ": " + wrong};
  image.channels = channels;
  image.pixels.reset(stbi_load_from_memory(data, size, &image.width, &image.height, &met, channels));
  if (!image.pixels) return undecodable();
  return image;
}

}  // namespace detail

/// A picture as RGB: grey is spread over the channels, alpha dropped, 16 bits cut to 8, Adobe's CMYK converted,
/// EXIF orientation ignored. @return an error that names the file for anything else, or sides beyond 8192
inline Result<Image> read_picture(const fs::path& path) {
  return detail::read_image(path, 3, [](const detail::Probe&) { return std::string(); });
}

/// A map of class ids: an 8-bit grey PNG, taken as it is.
inline Result<Image> read_labels(const fs::path& path) {
  return detail::read_image(path, 1, [](const detail::Probe& p) {
    if (p.jpeg) return std::string("is a JPEG, expected an 8-bit grey PNG of class ids");
    if (p.bits == 8 && p.kind == 0) return std::string();
    constexpr const char* kinds[] = {"grey", "", "RGB", "palette", "grey and alpha", "", "RGBA"};
    return std::to_string(p.bits) + "-bit " + (p.kind >= 0 && p.kind <= 6 ? kinds[p.kind] : "") +
           " PNG, expected 8-bit grey class ids";
  });
}

/// A PNG file of rows of pixels, `channels` 1 or 3. Empty when memory is short.
inline std::vector<std::byte> to_png(const std::uint8_t* pixels, int width, int height, int channels) {
  std::vector<std::byte> out;
  int size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> png(
      stbi_write_png_to_mem(pixels, width * channels, width, height, channels, &size), std::free);
  if (png) out.assign(reinterpret_cast<std::byte*>(png.get()), reinterpret_cast<std::byte*>(png.get()) + size);
  return out;
}

}  // namespace app
