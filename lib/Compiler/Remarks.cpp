//===- Remarks.cpp - What passes say of their choices ---------------------===//
#include "asgc/Registry.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace asgc {

namespace {
/// MLIR would print a remark with its kind, name and category around it.
class SentenceStreamer final : public remark::detail::MLIRRemarkStreamerBase {
public:
  void streamOptimizationRemark(const remark::detail::Remark &remark) final {
    InFlightDiagnostic diagnostic = emitRemark(remark.getLocation());
    for (const remark::detail::Remark::Arg &part : remark.getArgs())
      diagnostic << part.val;
  }
};
} // namespace

const std::vector<std::string> &remarkCategories() {
  static const std::vector<std::string> categories = {"fusion", "memory"};
  return categories;
}

void enableRemarks(MLIRContext &context,
                   const std::vector<std::string> &categories) {
  if (categories.empty())
    return;
  // A filter for all kinds alone lets none through: each kind has its own.
  std::string filter = llvm::join(categories, "|");
  remark::RemarkCategories wanted{std::nullopt, filter, filter, filter, filter};
  // Fails only for a category that is no regular expression.
  (void)remark::enableOptimizationRemarks(
      context, std::make_unique<SentenceStreamer>(),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), wanted);
}

} // namespace asgc
