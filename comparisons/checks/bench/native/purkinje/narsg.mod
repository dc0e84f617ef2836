TITLE Resurgent sodium channel, 13 states (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX narsg
    USEION na READ ena WRITE ina
    RANGE gbar, epsilon, oon
    THREADSAFE
}

UNITS { (mV) = (millivolt)  (mA) = (milliamp)  (S) = (siemens) }

PARAMETER {
    gbar = 0.015 (S/cm2)
    epsilon = 1.75 (/ms)
    oon = 0.75 (/ms)
    con = 0.005 (/ms)
    coff = 0.5 (/ms)
    ooff = 0.005 (/ms)
    gamma = 150 (/ms)
    delta = 40 (/ms)
}

ASSIGNED {
    v (mV)  ena (mV)  ina (mA/cm2)
    fa (/ms)  fb (/ms)  fz (/ms)  a  b
}

STATE { C1 C2 C3 C4 C5 I1 I2 I3 I4 I5 O B I6 }

INITIAL {
    rates(v)
    SOLVE kin STEADYSTATE sparse
}

BREAKPOINT {
    SOLVE kin METHOD sparse
    ina = gbar * O * (v - ena)
}

KINETIC kin {
    rates(v)
    ~ C1 <-> C2 (4*fa, fb)
    ~ C2 <-> C3 (3*fa, 2*fb)
    ~ C3 <-> C4 (2*fa, 3*fb)
    ~ C4 <-> C5 (fa, 4*fb)
    ~ C5 <-> O (gamma, delta)
    ~ O <-> B (epsilon, fz)
    ~ O <-> I6 (oon, ooff)
    ~ I1 <-> I2 (4*fa*a, fb*b)
    ~ I2 <-> I3 (3*fa*a, 2*fb*b)
    ~ I3 <-> I4 (2*fa*a, 3*fb*b)
    ~ I4 <-> I5 (fa*a, 4*fb*b)
    ~ I5 <-> I6 (gamma, delta)
    ~ C1 <-> I1 (con, coff)
    ~ C2 <-> I2 (con*a, coff*b)
    ~ C3 <-> I3 (con*a^2, coff*b^2)
    ~ C4 <-> I4 (con*a^3, coff*b^3)
    ~ C5 <-> I5 (con*a^4, coff*b^4)
    CONSERVE C1 + C2 + C3 + C4 + C5 + I1 + I2 + I3 + I4 + I5 + O + B + I6 = 1
}

PROCEDURE rates(v (mV)) {
    fa = 150 * exp(v/20)
    fb = 3 * exp(-v/20)
    fz = 0.03 * exp(-v/25)
    a = (oon/con)^0.25
    b = (ooff/coff)^0.25
}
