// The files of Web/, embedded by the C compiler as those of Kernels/ are, each with its length: pictures have zero bytes.
#include "web.h"

#ifndef __has_embed
#error "this compiler has no #embed: pix2pix needs Swift 6.3 or later"
#endif

#include <stddef.h>

#define TEXT_OF(tokens) #tokens
#define TEXT(tokens) TEXT_OF(tokens)

static const struct WebFile webFiles[] = {
#define FILE app/api.js
#include "web_file.h"
#define FILE app/app.css
#include "web_file.h"
#define FILE app/drawing.js
#include "web_file.h"
#define FILE app/follow.js
#include "web_file.h"
#define FILE app/icon.svg
#include "web_file.h"
#define FILE app/pad.js
#include "web_file.h"
#define FILE app/store.js
#include "web_file.h"
#define FILE app/train.js
#include "web_file.h"
#define FILE app/translate.js
#include "web_file.h"
#define FILE style.css
#include "web_file.h"
#define FILE templates/chart.mustache
#include "web_file.h"
#define FILE templates/comparison.mustache
#include "web_file.h"
#define FILE templates/experiment.mustache
#include "web_file.h"
#define FILE templates/figure.mustache
#include "web_file.h"
#define FILE templates/frame.mustache
#include "web_file.h"
#define FILE templates/page.mustache
#include "web_file.h"
#define FILE templates/report.mustache
#include "web_file.h"
#define FILE templates/strip.mustache
#include "web_file.h"
#define FILE templates/train.mustache
#include "web_file.h"
#define FILE templates/translate.mustache
#include "web_file.h"
#define FILE templates/validation.mustache
#include "web_file.h"
};

const struct WebFile *webFile(long number) {
  return number < (long)(sizeof webFiles / sizeof *webFiles) ? &webFiles[number] : NULL;
}
