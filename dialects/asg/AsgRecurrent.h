//===- AsgRecurrent.h - What an asg.layer says of a recurrent layer -------===//
#ifndef ASGC_DIALECTS_ASG_ASGRECURRENT_H
#define ASGC_DIALECTS_ASG_ASGRECURRENT_H

#include "llvm/ADT/StringRef.h"

/// The import of ONNX puts the ops of a recurrent operator into an asg.layer
/// where they do what nn.rnn, nn.gru or nn.lstm does, so that a text can say it
/// in a word. The layer captures x[batch, time, features] and the operator's
/// weights, and its results are
/// - y[batch, time, hidden · directions],
/// - the last h[batch, hidden] of each direction,
/// - of an LSTM, the last c[batch, hidden] of each direction.
namespace asgc::asg::recurrent {

/// Blocks of such layers. No block of the language has a dot in its name.
inline constexpr llvm::StringLiteral kRnn = "onnx.RNN", kGru = "onnx.GRU",
                                     kLstm = "onnx.LSTM";

/// Arguments: the variables that hold W, R and B as ONNX packs them, the last
/// one optional; integers; and, of an RNN, "tanh" or "relu".
inline constexpr llvm::StringLiteral kWeight = "weight", kOwnWeight = "own",
                                     kBias = "bias", kHidden = "hidden",
                                     kDirections = "directions",
                                     kActivation = "activation";

} // namespace asgc::asg::recurrent

#endif
