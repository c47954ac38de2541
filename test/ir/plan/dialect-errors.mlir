// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{no buffer holds elements of type 'index'}}
plan.program @type inputs("x" %x: tensor<4xindex>) outputs() {
}

// -----

// expected-error@+1 {{dim 'n' has two bounds}}
plan.program @dims dims {n = 4, n = 5} inputs() outputs() {
}

// -----

// expected-error@+1 {{bound of dim 'n' is no positive number}}
plan.program @dims dims {n = 0} inputs() outputs() {
}

// -----

// expected-error@+1 {{has 1 buffers, but names of 0}}
"plan.program"() <{sym_name = "names", dims = {}, inputNames = [], outputNames = []}> ({
^bb0(%x: !plan.buffer<tensor<f32>>):
}) : () -> ()

// -----

plan.program @alloc inputs() outputs() {
  // expected-error@+1 {{offset 32 is no multiple of 64}}
  %0 = plan.alloc offset 32 : tensor<f32>
}

// -----

plan.program @alloc inputs() outputs() {
  // expected-error@+1 {{lifetime ends at step 1, before it starts at step 2}}
  %0 = plan.alloc alive 2 to 1 : tensor<f32>
}

// -----

plan.program @alias inputs("x" %x: tensor<4xf32>) outputs() {
  // expected-error@+1 {{number of elements changes from 4 to 6}}
  %0 = plan.alias %x : tensor<4xf32> to tensor<2x3xf32>
}

// -----

plan.program @alias inputs("x" %x: tensor<4xf32>) outputs() {
  // expected-error@+1 {{element type changes from 'f32' to 'i32'}}
  %0 = plan.alias %x : tensor<4xf32> to tensor<4xi32>
}

// -----

plan.program @constant inputs() outputs() {
  // expected-error@+1 {{in a buffer of}}
  %0 = plan.constant dense<1.0> : tensor<4xf32> : tensor<2x2xf32>
}

// -----

plan.program @kind inputs() outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{unknown kind of kernel 'loop'; it is map, row or reduce}}
  plan.kernel "k" loop space [4] () -> (%y at [1] : tensor<4xf32>) {
  }
}

// -----

plan.program @space inputs() outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{malformed extent '4 +'}}
  plan.kernel "k" map space ["4 +"] () -> (%y at [1] : tensor<4xf32>) {
  }
}

// -----

plan.program @space inputs() outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{space has the negative number -4}}
  plan.kernel "k" map space [-4] () -> (%y at [1] : tensor<4xf32>) {
    %0 = arith.constant 0.0 : f32
    plan.yield %0 : f32
  }
}

// -----

plan.program @access inputs() outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{an access has 2 entries, expected 3}}
  plan.kernel "k" map space [2, 2] () -> (%y at [1] : tensor<4xf32>) {
    %0 = arith.constant 0.0 : f32
    plan.yield %0 : f32
  }
}

// -----

plan.program @access inputs() outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{access unit of a write is no list of strides and an offset}}
  plan.kernel "k" map space [4] () -> (%y : tensor<4xf32>) {
    %0 = arith.constant 0.0 : f32
    plan.yield %0 : f32
  }
}

// -----

plan.program @yield inputs() outputs("y" %y: tensor<4xf32>) {
  plan.kernel "k" map space [4] () -> (%y at [1] : tensor<4xf32>) {
    // expected-error@+1 {{block with no terminator}}
    %0 = arith.constant 0.0 : f32
  }
}

// -----

plan.program @yield inputs() outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{writes 1 buffers, but its body yields 0 values}}
  plan.kernel "k" map space [4] () -> (%y at [1] : tensor<4xf32>) {
    plan.yield
  }
}

// -----

plan.program @yield inputs() outputs("y" %y: tensor<4xf16>) {
  // expected-error@+1 {{value 0 of the body has type 'i64', expected 'f32'}}
  plan.kernel "k" map space [4] () -> (%y at [1] : tensor<4xf16>) {
    %i = plan.index 0
    plan.yield %i : i64
  }
}

// -----

plan.program @map inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<f32>) {
  plan.kernel "k" map space [4] (%a = %x at [1] : tensor<4xf32>) -> (%y at [0] : tensor<f32>) {
    // expected-error@+1 {{stands in a kernel of kind map}}
    %s = plan.reduce add %a over [0] : f32
    plan.yield %s : f32
  }
}

// -----

plan.program @row inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<4xf32>) {
  plan.kernel "k" row space [4, 4] (%a = %x at [4, 1] : tensor<4x4xf32>) -> (%y at [0, 1] : tensor<4xf32>) {
    // expected-error@+1 {{is not over the innermost dim 1 alone, in a kernel of kind row}}
    %s = plan.reduce add %a over [0] : f32
    plan.yield %s : f32
  }
}

// -----

plan.program @reduce inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<f32>) {
  plan.kernel "k" reduce space [4, 4] (%a = %x at [4, 1] : tensor<4x4xf32>) -> (%y at [0, 0] : tensor<f32>) {
    %s = plan.reduce add %a over [0, 1] : f32
    // expected-error@+1 {{depends on another, in a kernel of kind reduce}}
    %t = plan.reduce add %s over [0, 1] : f32
    plan.yield %t : f32
  }
}

// -----

plan.program @reduce inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<4x4xf32>) {
  // expected-error@+1 {{value 0 depends on a reduction over dim 0 and is written along it}}
  plan.kernel "k" reduce space [4, 4] (%a = %x at [4, 1] : tensor<4x4xf32>) -> (%y at [4, 1] : tensor<4x4xf32>) {
    %s = plan.reduce add %a over [0] : f32
    %d = arith.subf %a, %s : f32
    plan.yield %d : f32
  }
}

// -----

plan.program @uniform inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{value 0 varies along dim 1, but its write does not}}
  plan.kernel "k" map space [4, 4] (%a = %x at [4, 1] : tensor<4x4xf32>) -> (%y at [1, 0] : tensor<4xf32>) {
    plan.yield %a : f32
  }
}

// -----

plan.program @reduce inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<f32>) {
  plan.kernel "k" reduce space [4, 4] (%a = %x at [4, 1] : tensor<4x4xf32>) -> (%y at [0, 0] : tensor<f32>) {
    // expected-error@+1 {{dims are not a rising list of the space's 2}}
    %s = plan.reduce add %a over [1, 0] : f32
    plan.yield %s : f32
  }
}

// -----

plan.program @index inputs() outputs("y" %y: tensor<4xi64>) {
  plan.kernel "k" map space [4] () -> (%y at [1] : tensor<4xi64>) {
    // expected-error@+1 {{dim 7 is not one of the space's 1}}
    %i = plan.index 7
    plan.yield %i : i64
  }
}

// -----

plan.program @body inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  plan.kernel "k" map space [4] (%a = %x at [1] : tensor<4xf32>) -> (%y at [1] : tensor<4xf32>) {
    // expected-error@+1 {{may not stand in the body of a kernel}}
    %0 = plan.alloc : tensor<f32>
    plan.yield %a : f32
  }
}

// -----

plan.program @load inputs("x" %x: tensor<4xf16>) outputs("y" %y: tensor<4xf32>) {
  plan.kernel "k" map space [4] (%a = %x : tensor<4xf16>) -> (%y at [1] : tensor<4xf32>) {
    %i = plan.index 0
    // expected-error@+1 {{gives 'i64', but elements of the buffer are computed with as 'f32'}}
    %v = plan.load %a[%i] : tensor<4xf16> -> i64
    %z = arith.constant 0.0 : f32
    plan.yield %z : f32
  }
}

// -----

plan.program @workspace inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  %0 = plan.alloc : tensor<1x1x1xf32>
  // expected-error@+1 {{has a workspace, but no kind reduce}}
  plan.kernel "k" map space [4] (%a = %x at [1] : tensor<4xf32>) -> (%y at [1] : tensor<4xf32>) workspace %0 : tensor<1x1x1xf32> {
    plan.yield %a : f32
  }
}

// -----

plan.program @update inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{has 1 reads and 2 writes, no multiple of its 2 segments}}
  plan.update "u" [4, 4] reads(%a = [%x : tensor<4xf32>]) -> ([%y : tensor<4xf32>, %y : tensor<4xf32>]) {
    plan.yield %a : f32
  }
}

// -----

plan.program @update dims {n = 4} inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{extent "n" of a segment is not known at compile time}}
  plan.update "u" [n] reads(%a = [%x : tensor<4xf32>]) -> ([%y : tensor<4xf32>]) {
    plan.yield %a : f32
  }
}

// -----

plan.program @update inputs("x" %x: tensor<4xf32>, "z" %z: tensor<4xi32>) outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{element types differ within group 0 of the reads}}
  plan.update "u" [4, 4] reads(%a = [%z : tensor<4xi32>, %x : tensor<4xf32>]) -> ([%y : tensor<4xf32>, %y : tensor<4xf32>]) {
    plan.yield %a : f32
  }
}

// -----

plan.program @update inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{value 0 is no reduction}}
  plan.update "u" [4] reduces reads(%a = [%x : tensor<4xf32>]) -> ([%y : tensor<4xf32>]) {
    plan.yield %a : f32
  }
}

// -----

plan.program @matmul inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<4x4xf32>) {
  // expected-error@+1 {{strides of b has 1 entries, expected 2}}
  plan.matmul "m" batch [] m_n_k [4, 4, 4] strides [4, 1], [4], [4, 1] offsets [0, 0, 0] act none (%x, %x) -> %y : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
}

// -----

plan.program @conv inputs("x" %x: tensor<2x3x8x8xf32>, "w" %w: tensor<6x3x3x3xf32>) outputs("y" %y: tensor<2x6x8x8xf32>) {
  // expected-error@+1 {{strides has 0, less than 1}}
  plan.conv2d "c" forward strides [0, 1] pad [1, 1], [1, 1] dilations [1, 1] groups 1 act none (%x, %w) -> %y : tensor<2x3x8x8xf32>, tensor<6x3x3x3xf32> -> tensor<2x6x8x8xf32>
}

// -----

plan.program @conv inputs("x" %x: tensor<2x3x8x8xf32>, "w" %w: tensor<6x3x3x3xf32>) outputs("y" %y: tensor<2x6x8x8xf32>) {
  // expected-error@+1 {{is a gradient, so it has neither bias nor activation}}
  plan.conv2d "c" input_grad strides [1, 1] pad [1, 1], [1, 1] dilations [1, 1] groups 1 act relu (%y, %w) -> %x : tensor<2x6x8x8xf32>, tensor<6x3x3x3xf32> -> tensor<2x3x8x8xf32>
}

// -----

plan.program @gather inputs("x" %x: tensor<4x4xf32>, "i" %i: tensor<3xi64>) outputs("y" %y: tensor<3x4xf32>) {
  // expected-error@+1 {{axis 2 is not one of 2}}
  plan.gather "g" axis 2 batch_dims 0 (%x, %i) -> %y : tensor<4x4xf32>, tensor<3xi64> -> tensor<3x4xf32>
}

// -----

plan.program @scan inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<4x4xf32>) {
  // expected-error@+1 {{axis 2 is not one of 2}}
  plan.scan "s" axis 2 (%x) -> %y : tensor<4x4xf32> -> tensor<4x4xf32>
}

// -----

plan.program @scan inputs("x" %x: tensor<4x4xf32>) outputs("y" %y: tensor<4x4xf16>) {
  // expected-error@+1 {{has buffers of 'tensor<4x4xf32>' and 'tensor<4x4xf16>'}}
  plan.scan "s" axis 1 (%x) -> %y : tensor<4x4xf32> -> tensor<4x4xf16>
}

// -----

plan.program @scan inputs("x" %x: tensor<4xi32>) outputs("y" %y: tensor<4xi32>) {
  // expected-error@+1 {{has coefficients of type 'i32'}}
  plan.scan "s" axis 0 (%x coefficients %x) -> %y : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
}

// -----

plan.program @scan inputs("x" %x: tensor<4xi8>) outputs("y" %y: tensor<4xi8>) {
  // expected-error@+1 {{carries elements of type 'i8'}}
  plan.scan "s" axis 0 (%x) -> %y : tensor<4xi8> -> tensor<4xi8>
}

// -----

plan.program @copy inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xi32>) {
  // expected-error@+1 {{y has elements of type 'i32', expected 'f32'}}
  plan.copy "c" extents [4] strides [1], [1] offsets [0, 0] (%x) -> %y : tensor<4xf32> -> tensor<4xi32>
}

// -----

plan.program @attention inputs("q" %q: tensor<5x4xf32>) outputs("y" %y: tensor<5x4xf32>) {
  // expected-error@+1 {{reads 2 buffers and writes 1}}
  plan.attention "a" scale 1.0 batch [] sizes [5, 5, 4, 4] (%q at [4, 1] : tensor<5x4xf32>, %q at [4, 1] : tensor<5x4xf32>) -> (%y at [4, 1] : tensor<5x4xf32>)
}

// -----

plan.program @attention inputs("q" %q: tensor<5x4xf32>) outputs("y" %y: tensor<5x4xf32>) {
  // expected-error@+1 {{an operand has 2 entries, expected 3}}
  plan.attention "a" scale 1.0 batch [] sizes [5, 5, 4, 4] (%q at [4, 1] : tensor<5x4xf32>, %q at [4] : tensor<5x4xf32>, %q at [4, 1] : tensor<5x4xf32>) -> (%y at [4, 1] : tensor<5x4xf32>)
}

// -----

plan.program @attention inputs("q" %q: tensor<5x4xf32>) outputs("y" %y: tensor<5x4xf32>) {
  // expected-error@+1 {{an operand has no access}}
  plan.attention "a" scale 1.0 batch [] sizes [5, 5, 4, 4] (%q at [4, 1] : tensor<5x4xf32>, %q : tensor<5x4xf32>, %q at [4, 1] : tensor<5x4xf32>) -> (%y at [4, 1] : tensor<5x4xf32>)
}

// -----

plan.program @attention inputs("q" %q: tensor<5x4xf16>) outputs("y" %y: tensor<5x4xf16>, "lse" %lse: tensor<5xf16>) {
  // expected-error@+1 {{a result has elements of type 'f16', expected 'f32'}}
  plan.attention "a" scale 1.0 batch [] sizes [5, 5, 4, 4] (%q at [4, 1] : tensor<5x4xf16>, %q at [4, 1] : tensor<5x4xf16>, %q at [4, 1] : tensor<5x4xf16>) -> (%y at [4, 1] : tensor<5x4xf16>, %lse at [1] : tensor<5xf16>)
}

// -----

// Attributes of any kind may come from generic text.
plan.program @hostile inputs("x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  // expected-error@+1 {{which is neither a number nor an expression in normal form}}
  "plan.kernel"(%x, %y) <{name = "k", kind = 0 : i32, space = [4 : i8, "n + n", unit], readAccesses = [unit], writeAccesses = [unit], operandSegmentSizes = array<i32: 1, 1, 0>}> ({
  ^bb0(%a: f32):
    "plan.yield"() : () -> ()
  }) : (!plan.buffer<tensor<4xf32>>, !plan.buffer<tensor<4xf32>>) -> ()
}

// -----

plan.program private @body inputs("i" %i: tensor<i64>, "x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) arena 128 lower_bound 128 {
}
plan.program @f inputs("n" %n: tensor<i64>, "x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  %0 = plan.alloc : tensor<4xf32>
  %1 = plan.alloc : tensor<64xi8>
  // expected-error@+1 {{runs @body, whose arena of 128 bytes is larger than the workspace of 64}}
  plan.loop "f.loop" @body count %n : tensor<i64> (%x : tensor<4xf32>) with () -> (%y : tensor<4xf32>) spares (%0 : tensor<4xf32>) workspace %1 : tensor<64xi8>
}

// -----

plan.program private @body inputs("i" %i: tensor<i64>, "x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
}
plan.program @f inputs("n" %n: tensor<i64>, "x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  %0 = plan.alloc : tensor<4xf32>
  %1 = plan.alloc : tensor<64xi8>
  // expected-error@+1 {{runs @body, which has 2 inputs, not 3}}
  plan.loop "f.loop" @body count %n : tensor<i64> (%x : tensor<4xf32>) with (%x : tensor<4xf32>) -> (%y : tensor<4xf32>) spares (%0 : tensor<4xf32>) workspace %1 : tensor<64xi8>
}

// -----

plan.program @f inputs("c" %c: tensor<i1>, "x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  %1 = plan.alloc : tensor<64xi8>
  // expected-error@+1 {{runs @f, which is no private program that stands before its own}}
  plan.if "f.if" %c : tensor<i1> then @f else @f (%x : tensor<4xf32>) -> (%y : tensor<4xf32>) workspace %1 : tensor<64xi8>
}

// -----

plan.program @f inputs("n" %n: tensor<i32>, "x" %x: tensor<4xf32>) outputs("y" %y: tensor<4xf32>) {
  %0 = plan.alloc : tensor<4xf32>
  %1 = plan.alloc : tensor<64xi8>
  // expected-error@+1 {{the count is no tensor<i64>}}
  plan.loop "f.loop" @body count %n : tensor<i32> (%x : tensor<4xf32>) with () -> (%y : tensor<4xf32>) spares (%0 : tensor<4xf32>) workspace %1 : tensor<64xi8>
}
