//===- Counts.h - How often each op was tested, and in what way -----------===//
#ifndef ASGC_TEST_OPS_COUNTS_H
#define ASGC_TEST_OPS_COUNTS_H

#include "asgc/Catalog.h"

namespace asgc::test {

enum class Check { roundTrip, parity, gradient, secondGradient };

/// Notes one passed check of an op; the table of all is printed when the program ends.
void count(const CatalogOp &op, Check check);

} // namespace asgc::test

#endif
