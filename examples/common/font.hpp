// SPDX-License-Identifier: Apache-2.0
// A stroke font of our own: every letter is a few lines and curves, so that it stays smooth at any size.
#pragma once

#include <string_view>

namespace app {

/// Strokes of one character on a grid: capitals stand on y = 12 and reach y = 0, small letters y = 4, tails y = 15.
/// A stroke is a run of points, each two hexadecimal digits "xy"; strokes are parted by bars. A stroke that starts
/// with '~' is the control polygon of a quadratic B-spline: it leaves the first point, touches the middle of every
/// inner edge and ends at the last point; closed (an oval) where both are one.
/// @return null for characters that the font lacks
inline constexpr const char* glyph(char c) noexcept {
  constexpr const char* small[] = {
      "~04 64 6c 0c 04|64 6c",              // a
      "00 0c|~04 64 6c 0c 04",              // b
      "~66 64 04 0c 6c 6a",                 // c
      "60 6c|~04 64 6c 0c 04",              // d
      "08 68|~68 64 04 0c 6c 6a",           // e
      "~50 20 24|24 2c|04 54",              // f
      "~04 64 6c 0c 04|64 6b|~6b 6f 0f 0e", // g
      "00 0c|~08 04 64 68|68 6c",           // h
      "04 0c|00 00",                        // i
      "24 2c|~2c 2f 0f|20 20",              // j
      "00 0c|54 08 6c",                     // k
      "00 0a|~0a 0c 2c",                    // l
      "04 0c|~08 04 54 58|58 5c|~58 54 a4 a8|a8 ac",  // m
      "04 0c|~08 04 64 68|68 6c",           // n
      "~04 64 6c 0c 04",                    // o
      "04 0f|~04 64 6c 0c 04",              // p
      "64 6f|~04 64 6c 0c 04",              // q
      "04 0c|~08 04 44",                    // r
      "~65 64 04 08 68 6c 0c 0b",           // s
      "20 29|~29 2c 5c|04 54",              // t
      "04 08|~08 0c 6c 68|64 6c",           // u
      "04 3c 64",                           // v
      "04 2c 55 8c a4",                     // w
      "04 6c|64 0c",                        // x
      "04 3c|64 2f",                        // y
      "04 64 0c 6c",                        // z
  };
  constexpr const char* capital[] = {
      "0c 40 8c|18 78",                              // A
      "0c 00 40|~40 70 76 46|06 46|~46 86 8c 4c|4c 0c",  // B
      "~83 80 00 0c 8c 89",                          // C
      "30 00 0c 3c|~30 80 8c 3c",                    // D
      "70 00 0c 7c|06 66",                           // E
      "70 00 0c|06 66",                              // F
      "~83 80 00 0c 8c 87|87 57",                    // G
      "00 0c|80 8c|06 86",                           // H
      "00 0c",                                       // I
      "50 58|~58 5c 0c 09",                          // J
      "00 0c|80 07|35 8c",                           // K
      "00 0c 7c",                                    // L
      "0c 00 59 a0 ac",                              // M
      "0c 00 8c 80",                                 // N
      "~00 90 9c 0c 00",                             // O
      "0c 00 40|~40 80 87 47|47 07",                 // P
      "~00 90 9c 0c 00|68 9c",                       // Q
      "0c 00 40|~40 80 87 47|47 07|47 8c",           // R
      "~83 80 00 06 86 8c 0c 09",                    // S
      "00 80|40 4c",                                 // T
      "00 07|~07 0c 8c 87|87 80",                    // U
      "00 4c 80",                                    // V
      "00 3c 61 9c c0",                              // W
      "00 8c|80 0c",                                 // X
      "00 46 80|46 4c",                              // Y
      "00 80 0c 8c",                                 // Z
  };
  constexpr const char* digit[] = {
      "~00 70 7c 0c 00",                    // 0
      "03 40 4c",                           // 1
      "~03 00 60 65 0c|0c 6c",              // 2
      "~02 00 60 66 26|~26 66 6c 0c 0a",    // 3
      "5c 50 09 79",                        // 4
      "60 10 06|~06 04 64 6c 0c 0a",        // 5
      "~62 60 00 08|~05 65 6c 0c 05",       // 6
      "00 60 2c",                           // 7
      "~10 50 66 06 10|~05 65 6c 0c 05",    // 8
      "~0a 0c 6c 64|~00 60 67 07 00",       // 9
  };
  if (c >= 'a' && c <= 'z') return small[c - 'a'];
  if (c >= 'A' && c <= 'Z') return capital[c - 'A'];
  if (c >= '0' && c <= '9') return digit[c - '0'];
  switch (c) {
    case ' ': return "";
    case '!': return "00 07|0c 0c";
    case '"': return "00 03|30 33";
    case '#': return "20 1c|60 5c|04 74|08 78";
    case '%': return "~00 40 45 05 00|~67 a7 ac 6c 67|90 1c";
    case '&': return "8c 12|~12 10 50 53 04 0c 4c 87";
    case '\'': return "00 03";
    case '(': return "~30 03 0c 3f";
    case ')': return "~00 33 3c 0f";
    case '*': return "31 37|02 66|62 06";
    case '+': return "08 68|35 3b";
    case ',': return "1b 0e";
    case '-': return "08 58";
    case '.': return "0c 0c";
    case '/': return "0e 60";
    case ':': return "05 05|0c 0c";
    case ';': return "15 15|1b 0e";
    case '<': return "64 08 6c";
    case '=': return "06 66|0a 6a";
    case '>': return "04 68 0c";
    case '?': return "~02 00 60 65 36 39|3c 3c";
    case '[': return "30 00 0f 3f";
    case ']': return "00 30 3f 0f";
    case '_': return "0e 7e";
    case '|': return "00 0f";
    default: return nullptr;
  }
}

}  // namespace app
