TITLE Calcium in a shell below the membrane (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX cadiff
    USEION ca READ ica WRITE cai
    THREADSAFE
}

UNITS { (mA) = (milliamp)  (mM) = (milli/liter)  FARADAY = (faraday) (coulomb) }

PARAMETER { depth = 0.1 (um)  beta = 1 (/ms)  least = 1e-4 (mM) }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }

INITIAL { cai = least }

BREAKPOINT {
    SOLVE states METHOD cnexp
    if (cai < least) { cai = least }
}

DERIVATIVE states { cai' = -1e4*ica/(2*FARADAY*depth) - beta*cai }
