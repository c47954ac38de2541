//===- Passes.td - Every pass, in pipeline order --------------------------===//
#ifndef ASGC_PASSES
#define ASGC_PASSES

include "mlir/Pass/PassBase.td"

//===- asg ----------------------------------------------------------------===//

def AsgInlineLayers : Pass<"asg-inline-layers", "::mlir::ModuleOp"> {
  let summary = "Puts the ops of every layer into its graph";
  let description = [{
    A layer's path stays in the locations of its ops.

    ```mlir
    %y = asg.layer "fc1" block "relu" -> tensor<4xf32> {
      %0 = asg.max %x, %zero : tensor<4xf32>
      asg.yield %0 : tensor<4xf32>
    }
    // becomes
    %y = asg.max %x, %zero : tensor<4xf32>
    ```
  }];
  let statistics = [Statistic<"inlined", "layers-inlined", "Layers inlined">];
}

def AsgUnrollLoops : Pass<"asg-unroll-loops", "::mlir::ModuleOp"> {
  let summary = "Writes out the steps of an asg.loop of known length";
  let description = [{
    In graphs with an asg.gradient, since asg.loop has none; with `all`, in all, for
    targets that cannot loop. Where only a bound of the number of steps is known, all
    steps up to it are computed, and their values taken as far as the loop goes. Loops
    without a bound, or of more than `max-steps`, stay.

    ```mlir
    %y = asg.loop @double count %two (%x) : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
    // becomes
    %0 = asg.add %x, %x : tensor<4xf32>
    %y = asg.add %0, %0 : tensor<4xf32>
    ```
  }];
  let options = [
    Option<"all", "all", "bool", /*default=*/"false", "In graphs without gradients, too">,
    Option<"maxSteps", "max-steps", "int64_t", /*default=*/"4096", "The longest loop to write out">
  ];
  let statistics = [Statistic<"unrolled", "loops-unrolled", "Loops unrolled">];
}

def AsgInlineBranches : Pass<"asg-inline-branches", "::mlir::ModuleOp"> {
  let summary = "Computes both graphs of an asg.if and takes one";
  let description = [{
    In graphs with an asg.gradient, since asg.if has none; with `all`, in all, for
    targets that cannot branch. What nothing calls any more is dropped.

    ```mlir
    %y = asg.if %c then @twice else @same (%x) : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
    // becomes
    %0 = asg.add %x, %x : tensor<4xf32>
    %1 = asg.broadcast %c dims [] : tensor<i1> to tensor<4xi1>
    %y = asg.select %1, %0, %x : tensor<4xi1>, tensor<4xf32>
    ```
  }];
  let options = [
    Option<"all", "all", "bool", /*default=*/"false", "In graphs without gradients, too">
  ];
  let statistics = [Statistic<"inlined", "branches-inlined", "Branches inlined">];
}

def AsgInferShapes : Pass<"asg-infer-shapes", "::mlir::ModuleOp"> {
  let summary = "Recomputes result types, and replaces run-time dims by numbers";
  let description = [{
    With `dims=batch=4`, in the graph's signature, types and attributes:

    ```mlir
    %y = asg.tanh %x : tensor<?x8xf32, #asg.dims<batch, 8>>
    // becomes
    %y = asg.tanh %x : tensor<4x8xf32>
    ```
  }];
  let options = [
    ListOption<"dims", "dims", "std::string",
               "Values of run-time dims: batch=64,seq=16">
  ];
  let statistics = [Statistic<"retyped", "values-retyped", "Values with a new type">];
}

def AsgAttention : Pass<"asg-attention", "::mlir::ModuleOp"> {
  let summary = "Makes one op of each attention, or products where there is no kernel for it";
  let description = [{
    With `has-kernel`, products with a softmax between them become one op if nothing
    else needs the scores or the weights, and neither queries nor values have more than
    128 features. Weights with dropout, and scores with a bias or a mask other than the
    causal one, stay as they are. Without it, every asg.attention and its gradient
    become products.

    ```mlir
    %s = asg.dot %q, %k batch [0] x [0] contract [2] x [2] : ...
    %e = asg.exp ...  // of %s less the largest of its row
    %w = asg.div %e, ...
    %y = asg.dot %w, %v batch [0] x [0] contract [2] x [1] : ...
    // becomes
    %y, %lse = asg.attention %q, %k, %v scale 1.0 : ...
    ```
  }];
  let options = [Option<"hasKernel", "has-kernel", "bool", "false",
                        "whether the target has a kernel for attention">];
  let statistics = [Statistic<"raised", "attentions-raised", "Attentions that became one op">];
}

def AsgDifferentiate : Pass<"asg-differentiate", "::mlir::ModuleOp"> {
  let summary = "Expands every asg.gradient into ops";
  let description = [{
    Reverse mode, graph to graph: one walk from the loss back to the values, along
    the ops that lie between them only. Inner gradients go first, so that they nest
    to any order. All reads of one variable count as one value. Layers are inlined
    first in a graph that has gradients.

    ```mlir
    %dx = asg.gradient %loss wrt %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    // becomes, for loss = Σ x · x
    %one = asg.constant dense<1.0> : tensor<f32>
    %dy = asg.broadcast %one dims [] : (tensor<f32>) -> tensor<4xf32>
    %l = asg.mul %dy, %x : tensor<4xf32>
    %r = asg.mul %dy, %x : tensor<4xf32>
    %dx = asg.add %l, %r : tensor<4xf32>
    ```
  }];
  let statistics = [Statistic<"expanded", "gradients-expanded", "Gradients expanded">];
}

def AsgMixedPrecision : Pass<"asg-mixed-precision", "::mlir::ModuleOp"> {
  let summary = "Gives products the type that their graph asks for";
  let description = [{
    In a graph with the attribute `asg.precision`, which the recipe's `precision`
    sets on `train_step` and `--precision` on `infer`, products and convolutions of f32 tensors are made of
    casts to that type, and so are attentions. Gradients exist already, so that theirs are narrowed too.
    Everything else stays in f32: sums, losses, the optimizer, and variables, but for
    a parameter that nothing else reads: it has the narrow type itself, and a file of
    weights is converted as it is loaded.

    ```mlir
    %y = asg.dot %x, %w ... : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
    // becomes, for bf16
    %a = asg.cast %x : tensor<8x4xf32> to tensor<8x4xbf16>
    %b = asg.cast %w : tensor<4x2xf32> to tensor<4x2xbf16>
    %c = asg.dot %a, %b ... : (tensor<8x4xbf16>, tensor<4x2xbf16>) -> tensor<8x2xbf16>
    %y = asg.cast %c : tensor<8x2xbf16> to tensor<8x2xf32>
    ```
  }];
  let statistics = [Statistic<"numNarrowed", "products-narrowed", "Products in a narrower type">,
    Statistic<"numVariables", "variables-narrowed", "Parameters in a narrower type">];
}

def AsgSimplify : Pass<"asg-simplify", "::mlir::ModuleOp"> {
  let summary = "Rewrites asg ops to cheaper equal ones";
  let description = [{
    Every rewrite keeps NaN and infinities but one: a sum of deviations from the mean
    over the same axes, which gradients of norms have, is 0. The sign of a zero and the
    last bit of a sum may change. Dead ops and repeated ops go as well. Each rewrite's
    equation stands at its pattern.

    ```mlir
    %0 = asg.transpose %w perm [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
    %y = asg.dot %x, %0 batch [] x [] contract [1] x [0] : ...
    // becomes
    %y = asg.dot %x, %w batch [] x [] contract [1] x [1] : ...
    ```
  }];
  let options = [
    Option<"reciprocals", "reciprocals", "bool", "false",
           "Multiply by 1/c instead of dividing by c, also where that rounds">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def AsgRecompute : Pass<"asg-recompute", "::mlir::ModuleOp"> {
  let summary = "Makes large values again where keeping them takes too much memory";
  let description = [{
    A gradient needs values of the forward computation, which lie in memory in
    between. Of a shallow product (at most 128 multiply-adds for an element, such as
    the scores of an attention) and what is computed from it element by element up to
    the next product, a graph keeps at most `budget` bytes; beyond that the product
    is made again, with the same result, right before it is needed. The copy of a
    product has the attribute `asg.again`.

    ```mlir
    %s = asg.dot %q, %k ...
    %e = asg.exp %s
    %y = asg.dot %e, %v ...
    %d = asg.mul %dy, %e
    // becomes, where %dy depends on %y
    %s = asg.dot %q, %k ...
    %e = asg.exp %s
    %y = asg.dot %e, %v ...
    %0 = asg.dot %q, %k ... {asg.again}
    %1 = asg.exp %0
    %d = asg.mul %dy, %1
    ```
  }];
  let options = [Option<"budget", "budget", "int64_t", "int64_t(512) << 20",
                        "the most bytes kept, at the bounds of run-time dims">];
  let statistics = [Statistic<"repeated", "products-repeated", "Products made again">];
}

def AsgFuse : Pass<"asg-fuse", "::mlir::ModuleOp"> {
  let summary = "Groups ops that become one kernel";
  let description = [{
    Each asg.fusion has one iteration space, and every tensor in it an affine map from
    that space to its own coordinates (asgc/Fusion.h computes them). The kinds:

    - `contraction`: a dot or conv2d, then bias, residual and activation;
    - `map`: elementwise ops and the views they read through;
    - `row`: reductions over the innermost axes and everything that shares the rows;
    - `reduce`: reductions over other axes, with what they are computed from;
    - `update`: isomorphic maps over different tensors, as segments.

    `reduce` may have segments, too. Cheap ops are repeated where that saves memory
    traffic. The gradient of a rectifier asks what is kept anyway, its result or what a
    max pooling behind it gave, instead of keeping a mask. Ops that stay outside are library calls, or views that their consumer
    reads through. Remarks of category `fusion` say why two ops did not fuse.

    ```mlir
    %0 = asg.exp %x : tensor<8xf32>
    %1 = asg.mul %0, %0 : tensor<8xf32>
    // becomes
    %1 = asg.fusion "map" -> tensor<8xf32> {
      %2 = asg.exp %x : tensor<8xf32>
      %3 = asg.mul %2, %2 : tensor<8xf32>
      asg.yield %3 : tensor<8xf32>
    }
    ```

    All scalars are one kernel. With `run-at-once`, those that wait for a tensor, such
    as a norm of gradients, are another, so that whoever needs the first does not wait.
  }];
  let options = [
    Option<"runAtOnce", "run-at-once", "bool", "false",
           "Whether kernels that need nothing of each other may run at once">
  ];
  let statistics = [
    Statistic<"fusions", "fusions", "Fusions built">,
    Statistic<"repeated", "ops-repeated", "Ops repeated in another fusion">
  ];
}

def AsgVerify : Pass<"asg-verify", "::mlir::ModuleOp"> {
  let summary = "Checks that the module is legal asg, the form that the plan is built from";
  let description = [{
    Legal asg has no layers and no gradients; every run-time extent is an expression
    over the graph's dims; a variable is assigned at most once a graph; inputs and
    outputs have distinct names; every op has a location; and every fusion has an
    iteration space with an affine map to each of its tensors.
  }];
}

//===- plan ---------------------------------------------------------------===//

def PlanBuild : Pass<"plan-build", "::mlir::ModuleOp"> {
  let summary = "Turns every graph into a program of steps over buffers";
  let description = [{
    A fusion becomes a kernel, a library call, or both; an op outside of fusions a
    step of its own, so any legal asg compiles, fused or not. Reshapes, transposes,
    slices and broadcasts are read through: they become strides and offsets of the
    steps that use them. Results of the graph and assigned variables are written
    by the steps that compute them; a variable whose old value is still read later
    is copied at the end instead.

    ```mlir
    %y = asg.fusion "map" -> tensor<8xf32> {
      %0 = asg.exp %x : tensor<8xf32>
      asg.yield %0 : tensor<8xf32>
    }
    // becomes
    plan.kernel "infer.map" map space [8] (%a = %x at [1] : tensor<8xf32>)
        -> (%y at [1] : tensor<8xf32>) {
      %0 = math.exp %a : f32
      plan.yield %0 : f32
    }
    ```
  }];
  let dependentDialects = ["::asgc::plan::PlanDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
  let statistics = [Statistic<"steps", "steps", "Steps built">];
}

def PlanSelectKernels : Pass<"plan-select-kernels", "::mlir::ModuleOp"> {
  let summary = "Chooses the loops of steps by their shapes";
  let description = [{
    - A product of a few hundred steps becomes a `row` kernel, and one whose sum has
      one term a `map`: neither is worth a call.
    - A few long rows that are only reduced become a `reduce` kernel.
    - A reduction with much to sum and few results gets a workspace, in which chunks
      leave partial results that are then combined. The number of chunks follows
      from shapes alone, so results do not depend on the number of threads.
  }];
  let dependentDialects = ["::asgc::plan::PlanDialect", "::mlir::arith::ArithDialect"];
  let statistics = [
    Statistic<"products", "matmuls-as-kernels", "Matrix products that became kernels">,
    Statistic<"splits", "reductions-split", "Reductions that got a workspace">
  ];
}

//===- plan: memory -------------------------------------------------------===//

def PlanSchedule : Pass<"plan-schedule", "::mlir::ModuleOp"> {
  let summary = "Orders the steps of a program for the lowest peak of memory";
  let description = [{
    Follows several orders side by side (beam search) and keeps, of those that
    respect reads and writes, the one in which the fewest bytes are alive at once;
    the order that came in stays if none is better.
  }];
  let statistics = [Statistic<"savedBytes", "saved-bytes", "Bytes the peak fell by">];
}

def PlanAssignMemory : Pass<"plan-assign-memory", "::mlir::ModuleOp"> {
  let summary = "Gives every buffer its offset in the arena";
  let description = [{
    Buffers that are never alive together may share memory. A buffer that a kernel
    writes takes over the place of one that dies there and is read only where the
    kernel writes. Sets `offset`, `bytes`, lifetime and source of every plan.alloc,
    and `arena` and `lower_bound` of the program.

    Few devices give more than 2 to 4 GiB in one piece. No buffer of at most
    `block-bytes` crosses a multiple of it, so that an arena may come in blocks; a
    larger buffer can have one of its own. Where the arena is more than a block,
    the program says so: `block`.

    With `run-at-once`, neighbouring steps of which none needs another one may run
    at once: what one of them reads or writes shares no memory with what another
    one does.
  }];
  let options = [Option<"blockBytes", "block-bytes", "int64_t", "int64_t(1) << 31",
                        "the most bytes of a block, a multiple of 64">,
                 Option<"runAtOnce", "run-at-once", "bool", "false",
                        "whether steps that need nothing of each other may run at once">];
  let statistics = [Statistic<"inPlace", "in-place", "Buffers written over a dying one">];
}

def PlanVerify : Pass<"plan-verify", "::mlir::ModuleOp"> {
  let summary = "Checks that the module is legal plan, the form that code is made from";
  let description = [{
    Legal plan has no graphs; every step reads what a step before it has written, has a
    name of its own and traces to a source line; accesses stay within their
    buffers at the bounds of run-time dims; a step reads what it writes at the same
    place only; no two buffers overlap in the arena while both are alive, but where
    one takes over from the other; and every output is written.
  }];
}

#endif
